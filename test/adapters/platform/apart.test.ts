import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { workApart } from '../../../src/adapters/platform/apart.js';
import type { Content } from '../../../src/contracts/long-bytes.js';
import { isRunning, until } from './processes.js';

const at = (path: string) => new URL(`../../../dist/${path}`, import.meta.url);
/** A program that works apart, and answers with what a patch says. */
const READER = at('activities/apart/read-patch-process.js');

const PATCH = Buffer.from(
  'diff --git a/x b/x\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n',
);

/** The process that reads for this one. */
function readerOfThisProcess(): number | undefined {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      const isReader = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('read-patch-process.js');
      if (Number(parent) === process.pid && isReader) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

test('workApart: the program gets its input and the bytes that it asks for, and its answer is the result', async () => {
  const asked: string[] = [];
  const content = (name: string): Content => {
    asked.push(name);
    return PATCH;
  };
  const { value, given } = await workApart({ program: READER, input: [], content });
  expect(value).toEqual({ bytes: PATCH.length, withheld: null, paths: ['x'] });
  expect(asked).toEqual(['patch']);
  expect(given.byteLength).toBe(0);
});

test('workApart: a program that cannot start, or that fails, is an error', async () => {
  await expect(workApart({ program: at('missing.js'), input: [] })).rejects.toThrow('ended before its work did');
  await expect(workApart({ program: READER, input: [] })).rejects.toThrow('there is no content patch');
});

test('workApart: two at most work at the same time, and who waits may leave', async () => {
  let asked = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const gated: Content = {
    byteLength: PATCH.length,
    read: async function* () {
      asked += 1;
      await opened;
      yield PATCH;
    },
    release: () => undefined,
  };
  const work = (signal?: AbortSignal) => workApart({ program: READER, input: [], content: () => gated, signal });
  const controller = new AbortController();
  const works = [work(), work(), work()];
  const leaving = work(controller.signal);
  controller.abort(new Error('left'));
  await expect(leaving).rejects.toThrow('left');
  await until(() => asked === 2);
  await sleep(300);
  expect(asked).toBe(2);
  open();
  for (const { value } of await Promise.all(works)) expect(value).toMatchObject({ paths: ['x'] });
  expect(asked).toBe(3);
});

test('workApart: is not begun once its signal is aborted', async () => {
  const signal = AbortSignal.abort(new Error('early'));
  await expect(workApart({ program: READER, input: [], signal })).rejects.toThrow('early');
});

test.runIf(existsSync('/proc'))('workApart: an abort ends the process, and throws its reason', async () => {
  const controller = new AbortController();
  let pid: number | undefined;
  const never: Content = {
    byteLength: 1,
    read: async function* () {
      pid = readerOfThisProcess();
      await new Promise(() => undefined);
    },
    release: () => undefined,
  };
  const work = workApart({ program: READER, input: [], content: () => never, signal: controller.signal });
  work.catch(() => undefined);
  await until(() => pid !== undefined);
  controller.abort(new Error('cancelled'));
  await expect(work).rejects.toThrow('cancelled');
  await until(() => !isRunning(pid ?? 0));
});
