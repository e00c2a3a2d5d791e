import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLiveLines, createOutput } from '../../../src/cli/app/output.js';

/** A terminal that keeps every write apart. */
function fakeTerminal(columns = 20, rows = 6) {
  const writes: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      writes.push(String(chunk));
      done();
    },
  });
  return { writes, terminal: Object.assign(stream, { isTTY: true, columns, rows }) };
}

/** The rows of a screen after these writes: of the sequences that are used, those that move and clear. */
function screenAfter(writes: readonly string[]): readonly string[] {
  const rows = [''];
  let row = 0;
  for (const [part] of writes.join('').matchAll(/\u001b\[\d*[AJ]|\u001b\[\?7[lh]|[\r\n]|[^\r\n\u001b]+/g)) {
    if (part.startsWith('\u001b[?7')) continue;
    if (part.endsWith('A') && part.startsWith('\u001b')) row -= Number(part.slice(2, -1));
    else if (part === '\u001b[J') rows.splice(row, rows.length, '');
    else if (part === '\n') rows[++row] ??= '';
    else if (part !== '\r') rows[row] += part;
  }
  return rows;
}

test('live lines: the next ones replace them, and nothing is written where nothing changed', () => {
  const { writes, terminal } = fakeTerminal();
  const live = createLiveLines(terminal);
  live.draw(['one', 'two']);
  live.draw(['one', 'two']);
  expect(writes).toHaveLength(1);
  live.draw(['three']);
  expect(screenAfter(writes)).toEqual(['three', '']);
  live.erase();
  expect(screenAfter(writes)).toEqual(['']);
});

test('live lines: each write leaves the cursor shown, line breaks on, at the beginning of a line', () => {
  const { writes, terminal } = fakeTerminal();
  const live = createLiveLines(terminal);
  live.draw(['a line that is wider than the terminal']);
  live.draw(['漢字'.repeat(20), ...Array.from({ length: 30 }, (_, index) => `row ${index}`)]);
  live.erase();
  for (const text of writes) {
    expect(text).not.toContain('\u001b[?25l');
    expect(text.split('\u001b[?7l').length).toBe(text.split('\u001b[?7h').length);
    expect(text).toMatch(/(\n\u001b\[\?7h|\u001b\[J)$/);
  }
});

test('live lines: no more than the terminal has room for', () => {
  const { writes, terminal } = fakeTerminal(20, 6);
  createLiveLines(terminal).draw(Array.from({ length: 30 }, (_, index) => `row ${index} ${'x'.repeat(40)}`));
  const shown = screenAfter(writes).filter((line) => line !== '');
  expect(shown).toHaveLength(4);
  expect(shown.at(-1)).toBe('…');
  for (const line of shown) expect(line.length).toBeLessThanOrEqual(20);
});

test('output: what is said takes the live lines away first', () => {
  const { writes, terminal } = fakeTerminal();
  const output = createOutput({
    json: false,
    stdout: terminal,
    stderr: terminal,
    stdinIsTerminal: true,
    noColor: true,
    canRedraw: true,
  });
  output.live(['at work']);
  output.say('passed');
  output.live(['at work again']);
  output.note('a warning');
  expect(screenAfter(writes)).toEqual(['passed', 'a warning', '']);
});

test.each([
  ['no terminal', { json: false, isTTY: false, canRedraw: true }],
  ['--json', { json: true, isTTY: true, canRedraw: true }],
  ['a dumb terminal', { json: false, isTTY: true, canRedraw: false }],
])('output: %s gets no live lines', (_, { json, isTTY, canRedraw }) => {
  const { writes, terminal } = fakeTerminal();
  const stdout = Object.assign(terminal, { isTTY });
  const output = createOutput({ json, stdout, stderr: stdout, stdinIsTerminal: true, noColor: true, canRedraw });
  expect(output.redraws).toBe(false);
  output.live(['at work']);
  expect(writes).toEqual([]);
});
