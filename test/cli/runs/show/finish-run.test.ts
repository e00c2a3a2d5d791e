import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { expect, onTestFinished, test } from 'vitest';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { showFinishedRun } from '../../../../src/cli/runs/show/finish-run.js';
import { invoke } from '../../recorded-context.js';

test('showFinishedRun: a record that is in another store is said so, with how the run ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-finish-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = createFileSystemStore(folder);
  const ended = { outcome: 'failed', outcome_reason: 'OBJECT_NOT_FOUND' } as const;
  const shown = invoke(
    (context) =>
      new Command('finish').action(async () => {
        await showFinishedRun(context, { store, runId: 'run-one', ended, ui: null });
      }),
    [],
    { cwd: folder },
  );
  await expect(shown).rejects.toMatchObject({
    code: 'RUN_NOT_PUBLISHED',
    message: expect.stringMatching(/ended as failed: OBJECT_NOT_FOUND\. Its record is not at .*run-one.*another store/),
  });
});
