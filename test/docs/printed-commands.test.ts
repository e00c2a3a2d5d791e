import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadProgram } from '../../src/build/commands-page.js';
import { fencedBlocks } from '../../src/contracts/answers/fenced-blocks.js';

/*
 * Every command of ours that a page, a help text, an error or a hint prints is one that the program takes; and every page
 * with blocks of a shell has a test that runs them.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const filesOf = (folder: string, end: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));
const PAGES = ['README.md', 'bench/README.md', 'examples/first-governed-run/README.md', ...filesOf('docs', '.md')];

/** Which test runs the shell blocks of a page. */
const RUN_BY: Readonly<Record<string, string>> = {
  'docs/canary.md': 'test/docs/canary.test.ts',
  'docs/check.md': 'test/docs/check.test.ts',
  'README.md': 'test/docs/readme-story.test.ts',
  'docs/audit.md': 'test/docs/ci-recipe.test.ts',
  'docs/compose.md': 'test/docs/compose.test.ts',
  'docs/executors.md': 'test/docs/shell-blocks.test.ts',
  'docs/keys.md': 'test/docs/shell-blocks.test.ts',
  'docs/record.md': 'test/docs/shell-blocks.test.ts',
  'docs/repositories.md': 'test/docs/shell-blocks.test.ts',
  'docs/team.md': 'test/docs/team.test.ts',
  'docs/temporal-ui.md': 'test/docs/temporal-ui.test.ts',
  'docs/verify-elsewhere.md': 'test/docs/verify-elsewhere.test.ts',
};

/** Commands in code marks, on a line of a block, and after `$ `; a placeholder counts as a word. */
function commandsOf(text: string): readonly string[] {
  const inline = [...text.matchAll(/`(promptos [^`]+)`/g)].map(([, command = '']) => command.replaceAll(/\s+/g, ' '));
  const lines = [...text.matchAll(/^\s*(?:\$ |- run: )?(promptos [^`\n]+)$/gm)].map(([, line = '']) => line);
  return [...new Set([...inline, ...lines].flatMap(alternatives))];
}

/** `promptos keys list|show` are two commands. */
function alternatives(command: string): readonly string[] {
  const [whole, words = ''] = / ([a-z]+(?:\|[a-z]+)+)/.exec(command) ?? [];
  return whole === undefined ? [command] : words.split('|').map((word) => command.replace(whole, ` ${word}`));
}

/** The words of a command up to what a shell takes for itself. */
function wordsOf(command: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of command.matchAll(/"(?:\\.|[^"\\])*"|'[^']*'|[^\s"']+(?:"[^"]*"|'[^']*')?/g)) {
    if (/^(?:#|>|<|\||&&|;)/.test(word)) break;
    words.push(word);
  }
  return words;
}

const program = await loadProgram();

/** What the program says against a command; null when it would start it. */
function refusal(command: string): string | null {
  let acting = program;
  const words = wordsOf(command).slice(1);
  // Global options may come before the name of a command.
  while (words[0] === '-C') words.splice(0, 2);
  // A sentence may name a command and go on with an ellipsis.
  if (['…', '...'].includes(words.at(-1) ?? '')) words.pop();
  for (let next = words[0]; next !== undefined; next = words[0]) {
    const found = acting.commands.find((each) => each.name() === next || each.aliases().includes(next as string));
    if (found === undefined) break;
    acting = found;
    words.shift();
  }
  const takesWords = acting.commands.length === 0 || acting.registeredArguments.length > 0;
  if (!takesWords && words.length > 0 && !words[0]?.startsWith('-')) return `no command ${words[0]}`;
  const options = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.replace(/=.*/, ''));
  const unknown = options.filter(
    (word) => !acting.options.some(({ long, short }) => word === long || word === short) && word !== '--help',
  );
  return unknown.length === 0 ? null : `no option ${unknown.join(', ')} of ${acting.name()}`;
}

const printed = [
  ...PAGES.map((path) => [path, commandsOf(read(path))] as const),
  ...filesOf('src', '.ts').map((path) => [path, commandsOf(read(path).replaceAll('\\`', '`'))] as const),
].filter(([, commands]) => commands.length > 0);

test.each(printed)('%s: every command of ours that it prints is one', (_, commands) => {
  const refused = commands
    // What is put together of parts is judged where it is printed.
    .filter((command) => !command.includes('${'))
    .flatMap((command) => {
      const why = refusal(command);
      return why === null ? [] : [`${command}: ${why}`];
    });
  expect(refused).toEqual([]);
});

test('printed commands: one that the program does not take is found', () => {
  expect(commandsOf('Run `promptos dve --developer ada`.\n\n```sh\npromptos run lst # all\n```\n')).toHaveLength(2);
  expect(refusal('promptos dve --developer ada')).toBe('no command dve');
  expect(refusal('promptos run lst # all')).toBe('no command lst');
  expect(refusal('promptos approve latest --all --as grace')).toBe('no option --all of approve');
  expect(refusal('promptos approve latest --comment "--all of it" --as grace | cat -n')).toBe(null);
});

const shells = PAGES.filter((path) => fencedBlocks(read(path)).some(({ language }) => language === 'sh'));

test.each(shells)('%s: a test runs its shell blocks', (path) => {
  expect(read(RUN_BY[path] ?? path)).toContain(path.replace(/^docs\//, ''));
  expect(Object.keys(RUN_BY)).toContain(path);
});
