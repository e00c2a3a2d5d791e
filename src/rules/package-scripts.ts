import type { FileChange } from './file-changes.js';

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

function scripts(
  { hunks }: FileChange,
  sign: '+' | '-',
): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const found = new Map<string, { readonly value: string; readonly line: number }>();
  for (const hunk of hunks) {
    let section: string | null = null;
    for (const { sign: own, text, line } of hunk) {
      if (own !== sign && own !== ' ') continue;
      const opened = OPENS.exec(text)?.[1];
      if (opened !== undefined) section = opened;
      else if (/^\s*\}/.test(text)) section = null;
      const [, name = '', value = ''] = PAIR.exec(text) ?? [];
      if (own !== sign || name === '') continue;
      const isScript = section === null ? COMMAND.test(value) && !OTHER.test(name) : section === 'scripts';
      if (isScript) found.set(name, { value, line });
    }
  }
  return found;
}

/** The scripts of a `package.json` that a patch adds, changes or removes. */
export function scriptChanges(change: FileChange): readonly ScriptChange[] {
  const [before, after] = [scripts(change, '-'), scripts(change, '+')];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old?.value === now?.value) return [];
    return [{ name, from: old?.value ?? null, to: now?.value ?? null, line: now?.line ?? old?.line ?? 1 }];
  });
}
