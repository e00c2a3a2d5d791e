import type { FileChange } from '../patch/file-changes.js';

export interface ScriptChange {
  readonly name: string;
  /** Null where the script is new, or gone. */
  readonly from: string | null;
  readonly to: string | null;
  readonly line: number;
}

const OPENS = /"([^"\\]{1,100})"\s{0,8}:\s{0,8}\{/;
const PAIR = /^\s*"([^"\\]{1,100})"\s{0,8}:\s{0,8}"((?:[^"\\]|\\.){0,2000})"/;
/** Without the head of the section in view: a command has a space, or is the name of a hook. */
const COMMAND = /^\S{1,200} \S|^(?:vitest|jest|mocha|ava|tap|eslint|biome|tsc|true|exit 0|:)$/;
const OTHER = /^(?:description|author|license|homepage|name|version|repository|url|email)$/;

/** What opens an object, what closes one, and a pair: enough of JSON for a file that is written on one line. */
const TOKEN = /"[^"\\]{1,100}"\s{0,8}:\s{0,8}(?:\{|"(?:[^"\\]|\\.){0,2000}")|\}/g;

/** A line with several of them, as one line each. Before version 3 of the rules such a line was read as it is. */
function linesOf(text: string, rulesVersion: number): readonly string[] {
  const tokens = rulesVersion < 3 || !text.includes('{') ? [] : (text.match(TOKEN) ?? []);
  return tokens.length > 1 ? tokens : [text];
}

function scripts(
  { hunks }: FileChange,
  sign: '+' | '-',
  rulesVersion: number,
): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const found = new Map<string, { readonly value: string; readonly line: number }>();
  for (const hunk of hunks) {
    let section: string | null = null;
    for (const { sign: own, text, line } of hunk) {
      if (own !== sign && own !== ' ') continue;
      for (const part of linesOf(text, rulesVersion)) {
        const opened = OPENS.exec(part)?.[1];
        if (opened !== undefined) section = opened;
        else if (/^\s*\}/.test(part)) section = null;
        const [, name = '', value = ''] = PAIR.exec(part) ?? [];
        if (own !== sign || name === '') continue;
        const isScript = section === null ? COMMAND.test(value) && !OTHER.test(name) : section === 'scripts';
        if (isScript) found.set(name, { value, line });
      }
    }
  }
  return found;
}

/** The scripts of a `package.json` that a patch adds, changes or removes. */
export function scriptChanges(change: FileChange, rulesVersion: number): readonly ScriptChange[] {
  const [before, after] = [scripts(change, '-', rulesVersion), scripts(change, '+', rulesVersion)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old?.value === now?.value) return [];
    return [{ name, from: old?.value ?? null, to: now?.value ?? null, line: now?.line ?? old?.line ?? 1 }];
  });
}
