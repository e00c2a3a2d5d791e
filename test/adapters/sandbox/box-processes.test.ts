import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { boxProcesses } from '../../../src/adapters/sandbox/limit-watch.js';
import { until } from '../platform/processes.js';

/*
 * What the watch of limits sees of a box while bubblewrap still makes it: its first process has the machine's root then.
 */
test.runIf(process.platform === 'linux')(
  'boxProcesses: a box that still has the root of the machine has no processes and no files',
  async () => {
    const guard = spawn('/bin/sh', ['-c', 'sleep 60; :'], { stdio: 'ignore' });
    try {
      await until(() => readFileSync(`/proc/${guard.pid}/task/${guard.pid}/children`, 'utf8') !== '');
      const processes = boxProcesses(guard.pid ?? 0);
      expect(processes.list()).toEqual([]);
      expect(processes.folderBytes('/')).toBe(0);
    } finally {
      guard.kill('SIGKILL');
    }
  },
);
