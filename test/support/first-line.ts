import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The first line that a program prints. Fails when it cannot start, and when it ends before. */
export const firstLine = (child: ChildProcess & { readonly stdout: Readable }): Promise<string> =>
  new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('close', (code, signal) =>
      reject(new Error(`the program ended before it printed a line (${signal ?? `exit code ${code}`})`)),
    );
  });
