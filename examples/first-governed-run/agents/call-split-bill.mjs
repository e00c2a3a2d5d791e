import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TIMEOUT_MS = 30_000;

/**
 * Calls `splitBill` on many bills in a process of its own, so that the code under review can neither print an answer
 * in the reviewer's name nor end the reviewer.
 *
 * @param {string} source path of the module in the checkout
 * @param {readonly [number, number][]} bills
 * @returns {Promise<{ shares?: unknown, error?: string }[]>}
 */
export function callSplitBill(source, bills) {
  const child = fork(fileURLToPath(import.meta.url), [pathToFileURL(resolve(source)).href], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    timeout: TIMEOUT_MS,
  });
  return new Promise((done, fail) => {
    child.once('message', (results) => {
      child.disconnect();
      if (Array.isArray(results) && results.length === bills.length) done(results);
      else fail(new Error(`expected ${bills.length} results of calling ${source}`));
    });
    child.once('error', fail);
    child.once('exit', (code, signal) => fail(new Error(`calling ${source} ended with ${signal ?? code}`)));
    child.send(bills);
  });
}

async function callEach(moduleUrl, bills) {
  const { splitBill } = await import(moduleUrl);
  return bills.map(([total, people]) => {
    try {
      return { shares: splitBill(total, people) };
    } catch (error) {
      return { error: String(error) };
    }
  });
}

// Started by `fork` above, this file is the child that does the calling.
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', async (bills) => {
    // A module that cannot be loaded is a result too: no call of it gives anything.
    process.send(await callEach(process.argv[2], bills).catch((error) => bills.map(() => ({ error: String(error) }))));
  });
}
