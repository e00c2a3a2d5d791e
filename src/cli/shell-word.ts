import { singleQuoted } from './completion/command-tree.js';

/** A text as one word of a POSIX shell's command line: as it is where that is safe, else quoted. */
export const shellWord = (text: string): string => (/^[\w./:@%+=,-]+$/.test(text) ? text : singleQuoted(text));
