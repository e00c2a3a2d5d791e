import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createOutput } from '../../../../src/cli/app/output.js';
import { createLogPrinter, type Printed, printLive } from '../../../../src/cli/runs/show/run-logs.js';
import type { GateProgress, OutputPiece } from '../../../../src/contracts/run/gate-progress.js';

const OUT = 'evidence/checks/tests.stdout.txt';
const ERR = 'evidence/checks/tests.stderr.txt';
const P06 = { gate: 'P06', attempt: 1 } as const;
const heading = (path: string) => `==> P06, attempt 1: ${path} <==\n`;

function recordedPrinter(json = false) {
  const stdout = new PassThrough();
  const output = createOutput({ json, stdout, stderr: new PassThrough(), stdinIsTerminal: false, noColor: true });
  return { printer: createLogPrinter(output), written: () => String(stdout.read() ?? '') };
}

/** What is printed of heartbeats that come one after the other. */
function printed(...beats: readonly (readonly OutputPiece[])[]) {
  const { printer, written } = recordedPrinter();
  const places: Printed = new Map();
  const missing = beats.map((output) => printLive({ ...P06, output } as GateProgress, printer, places));
  printer.flush();
  return { text: written(), missing: missing.includes(true) };
}

test('run logs: what two heartbeats both have is printed once', () => {
  const { text, missing } = printed(
    [{ path: OUT, end: 10, text: 'one\ntwo\nth' }],
    [{ path: OUT, end: 10, text: 'one\ntwo\nth' }],
    [{ path: OUT, end: 19, text: 'two\nthree\nfour\n' }],
  );
  expect(text).toBe(`${heading(OUT)}one\ntwo\nthree\nfour\n`);
  expect(missing).toBe(false);
});

test('run logs: each output has its own heading, in the order in which they came', () => {
  const { text } = printed([
    { path: OUT, end: 4, text: 'one\n' },
    { path: ERR, end: 5, text: 'warn\n' },
    { path: OUT, end: 8, text: 'two\n' },
  ]);
  expect(text).toBe(`${heading(OUT)}one\n${heading(ERR)}warn\n${heading(OUT)}two\n`);
});

test('run logs: what no heartbeat had is said to be missing', () => {
  const { text, missing } = printed(
    [{ path: OUT, end: 4, text: 'one\n' }],
    [{ path: OUT, end: 1_004, text: 'last\n' }],
  );
  expect(text).toBe(`${heading(OUT)}one\n[995 characters left out]\nlast\n`);
  expect(missing).toBe(true);
});

test('run logs: an attempt that another worker carries out from the start is printed again', () => {
  const { text } = printed([{ path: OUT, end: 8, text: 'one\ntwo\n' }], [{ path: OUT, end: 4, text: 'one\n' }]);
  expect(text).toBe(`${heading(OUT)}one\ntwo\none\n`);
});

test('log printer: line ends of all kinds, also cut in two, and a line without an end', () => {
  const { printer, written } = recordedPrinter();
  for (const part of ['a\r', '\nb\rc\n', '\nd']) printer.text(P06, OUT, part);
  printer.flush();
  expect(written()).toBe(`${heading(OUT)}a\nb\nc\n\nd\n`);
});

test('log printer: a line without an end is broken, so that the memory stays bounded', () => {
  const { printer, written } = recordedPrinter();
  for (let part = 0; part < 40; part += 1) printer.text(P06, OUT, 'x'.repeat(1_000));
  const lines = written().split('\n');
  expect(lines.slice(1, -1).map((line) => line.length)).toEqual([16_384, 16_384]);
});

test('log printer: nothing that a terminal obeys comes out, neither from a line nor from a path', () => {
  const { printer, written } = recordedPrinter();
  printer.text(P06, 'try-1/\u001b[2J\nstdout.txt', 'a\u001b[31m\u0007\u202eb\u009b2J\n');
  const text = written();
  expect(text).not.toMatch(/[^\P{Cc}\n]|[\u202e]/u);
  expect(text).toContain('a␛[31m␇<U+202E>b<U+009B>2J\n');
});

test('log printer: with --json one object a line, as it was printed, and nothing that a terminal obeys', () => {
  const { printer, written } = recordedPrinter(true);
  printer.text(P06, OUT, 'a\u009b2J\u202e\n');
  printer.gap(P06, OUT, 12);
  const text = written();
  expect(text).not.toMatch(/[\u009b\u202e]/);
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { event: 'log', ...P06, path: OUT, line: 'a\u009b2J\u202e' },
    { event: 'gap', ...P06, path: OUT, characters: 12 },
  ]);
});
