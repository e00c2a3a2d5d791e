import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPublisher } from '../../../../src/activities/finalise.js';
import { ownMark } from '../../../../src/adapters/platform/process-identity.js';
import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { exportCommand, prBlockCommand } from '../../../../src/cli/runs/run-commands.js';
import { buildPromptSession } from '../../../../src/domain/record/prompt-session.js';
import type { ArtifactStore } from '../../../../src/ports/artifact-store.js';
import { runCommand } from '../../../support/command-run.js';
import { type FinishedRunOptions, finishedRun } from '../../../support/finished-run.js';
import { noSigners } from '../../../support/no-signers.js';

let cwd: string;
let store: ArtifactStore;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'promptos-export-'));
  store = createFileSystemStore(join(cwd, 'store'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function publishRun(options: FinishedRunOptions = {}): Promise<string> {
  const run = await finishedRun(store, options);
  await createPublisher({ store, signers: noSigners })({ entries: run.entries, journal: [] });
  return run.run.run_id;
}
const run = (args: readonly string[], json = false) => runCommand(exportCommand, args, { store, cwd, json });
const read = (path: string) => readFile(join(cwd, path), 'utf8');
const sessionOf = (runId: string) => readFile(join(store.locate(runId), 'evidence/prompt_session.json'), 'utf8');

describe('promptos export', () => {
  test('--artifacts-dir: only the session of the newest run and its sidecar, in a folder that it makes', async () => {
    await publishRun({ runId: 'run-1', notes: 'older' });
    await publishRun({ runId: 'run-2', notes: 'newer' });
    const { emitted } = await run(['--artifacts-dir', './artifacts/evidence/'], true);
    expect(emitted).toEqual([{ run_id: 'run-2', artifacts_dir: join(cwd, 'artifacts/evidence') }]);
    const folder = join(cwd, 'artifacts/evidence');
    expect((await readdir(folder)).sort()).toEqual(['prompt_session.json', 'prompt_session.sha256']);
    expect(await read('artifacts/evidence/prompt_session.json')).toBe(await sessionOf('run-2'));
    expect(execFileSync('sha256sum', ['-c', 'prompt_session.sha256'], { cwd: folder }).toString()).toContain(': OK');
  });

  test('--tree: an export that was killed leaves nothing in the next one', async () => {
    await publishRun({ runId: 'run-1' });
    await run(['--tree', 'out']);
    // No process has a number above 4194304.
    const mark = ownMark().replace(/-\d+-/, '-4194305-');
    const killed = join(cwd, 'out/evidence', `.promptos-aside-${mark}-x`);
    await writeFile(killed, 'a part');
    await run(['--tree', 'out']);
    expect(await readdir(join(cwd, 'out/evidence'))).toEqual(await readdir(join(store.locate('run-1'), 'evidence')));
  });

  test('--run: a given run', async () => {
    await publishRun({ runId: 'run-1' });
    await publishRun({ runId: 'run-2' });
    const { stdout } = await run(['--artifacts-dir', 'out', '--run', 'run-1']);
    expect(stdout).toBe(`Session of run-1 exported to ${join(cwd, 'out')}\n`);
    expect(await read('out/prompt_session.json')).toBe(await sessionOf('run-1'));
  });

  test('again: the same session is left alone, another is EXPORT_DIFFERS until --force', async () => {
    await publishRun({ runId: 'run-1', notes: 'one' });
    await publishRun({ runId: 'run-2', notes: 'two' });
    await run(['--artifacts-dir', 'out', '--run', 'run-1']);
    await run(['--artifacts-dir', 'out', '--run', 'run-1']);
    const other = ['--artifacts-dir', 'out', '--run', 'run-2'];
    await expect(run(other)).rejects.toMatchObject({ code: 'EXPORT_DIFFERS', exitCode: 1 });
    expect(await read('out/prompt_session.json')).toBe(await sessionOf('run-1'));
    await run([...other, '--force']);
    expect(await read('out/prompt_session.json')).toBe(await sessionOf('run-2'));
  });

  test('--tree: every file of the tree; a single changed one is EXPORT_DIFFERS and nothing is written', async () => {
    await publishRun();
    await run(['--tree', 'out']);
    const list = async (folder: string) => (await readdir(folder, { recursive: true })).sort();
    expect(await list(join(cwd, 'out'))).toEqual(await list(store.locate('run-1')));
    await writeFile(join(cwd, 'out/plan.md'), 'mine');
    await rm(join(cwd, 'out/job.json'));
    const both = ['--tree', 'out', '--artifacts-dir', 'session'];
    await expect(run(both)).rejects.toMatchObject({
      code: 'EXPORT_DIFFERS',
      message: expect.stringContaining('plan.md'),
    });
    await expect(readdir(join(cwd, 'session'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(read('out/job.json')).rejects.toMatchObject({ code: 'ENOENT' });
    await run([...both, '--force']);
    expect(await read('out/plan.md')).toBe('# Plan\n');
    expect(await read('out/job.json')).toContain('Fix the split');
  });

  test('--tree: EXPORT_DIFFERS for a folder in the place of a file, even with --force', async () => {
    await publishRun();
    await mkdir(join(cwd, 'out/plan.md'), { recursive: true });
    await expect(run(['--tree', 'out', '--force'])).rejects.toMatchObject({ code: 'EXPORT_DIFFERS' });
  });

  test('--tree: PATH_ESCAPES when a link inside the folder leads elsewhere', async () => {
    await publishRun();
    await mkdir(join(cwd, 'out'));
    await mkdir(join(cwd, 'elsewhere'));
    await symlink('../elsewhere', join(cwd, 'out/evidence'));
    await expect(run(['--tree', 'out'])).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
    expect(await readdir(join(cwd, 'elsewhere'))).toEqual([]);
  });

  test('--tree: OBJECT_CORRUPT when a published file was changed, and that file is not written', async () => {
    await publishRun();
    const path = join(store.locate('run-1'), 'plan.md');
    await chmod(path, 0o644);
    await writeFile(path, '# Forged\n');
    await expect(run(['--tree', 'out'])).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    expect((await readdir(join(cwd, 'out'))).filter((name) => name.includes('plan'))).toEqual([]);
    expect(await readdir(join(cwd, 'out'))).not.toContain('run_record.json');
  });

  test('--session-file: a good one is copied with its sidecar, without any store', async () => {
    await publishRun();
    const text = await sessionOf('run-1');
    await writeFile(join(cwd, 'session.json'), text);
    const { emitted } = await run(['--artifacts-dir', 'out', '--session-file', 'session.json'], true);
    expect(emitted).toEqual([{ session_file: 'session.json', artifacts_dir: join(cwd, 'out') }]);
    expect(await read('out/prompt_session.json')).toBe(text);
    expect(execFileSync('sha256sum', ['-c', 'prompt_session.sha256'], { cwd: join(cwd, 'out') }).toString()).toContain(
      'OK',
    );
  });

  test('--session-file: SESSION_INVALID for a changed, foreign or re-laid one, FILE_NOT_READABLE for none', async () => {
    const { session, text } = buildPromptSession({
      timestamp_utc: '2026-01-02T03:04:05Z',
      prompt_os_version: 'v1.0.0',
      prompts_used: ['P00'],
      developer: 'ada',
      target_repo: 'r',
      notes: '',
      lint_passed: true,
    });
    const bad = [
      text.replace('ada', 'eve'),
      text.replace(session.chain_hash, '0'.repeat(64)),
      JSON.stringify(session),
      text.replace('"developer": "ada"', '"developer": "eve",\n  "developer": "ada"'),
      JSON.stringify({ ...session, extra: true }, null, 2),
      'no json',
    ];
    for (const content of bad) {
      await writeFile(join(cwd, 'session.json'), content);
      const args = ['--artifacts-dir', 'out', '--session-file', 'session.json'];
      await expect(run(args)).rejects.toMatchObject({ code: 'SESSION_INVALID', exitCode: 1 });
    }
    await expect(run(['--artifacts-dir', 'out', '--session-file', 'none.json'])).rejects.toMatchObject({
      code: 'FILE_NOT_READABLE',
    });
    await expect(readdir(join(cwd, 'out'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('RUN_NOT_FOUND for an empty store and for an unknown run', async () => {
    await expect(run(['--artifacts-dir', 'out'])).rejects.toMatchObject({ code: 'RUN_NOT_FOUND', exitCode: 1 });
    for (const where of ['--artifacts-dir', '--tree']) {
      await expect(run([where, 'out', '--run', 'run-9'])).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    }
  });

  test('USAGE for no place, and for options that exclude each other', async () => {
    for (const args of [
      [],
      ['--run', 'run-1'],
      ['--artifacts-dir', 'a', '--run', 'run-1', '--session-file', 'f'],
      ['--tree', 'a', '--session-file', 'f'],
    ]) {
      await expect(run(args)).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
    }
  });

  test('FILE_NOT_READABLE when the folder cannot be made', async () => {
    await publishRun();
    await writeFile(join(cwd, 'file'), '');
    await expect(run(['--artifacts-dir', 'file/out'])).rejects.toMatchObject({ code: 'FILE_NOT_READABLE' });
  });

  test('session/export_session_artifact.sh: hands its arguments to promptos export, from any folder', async () => {
    await mkdir(join(cwd, 'tool/bin'), { recursive: true });
    await mkdir(join(cwd, 'tool/session'));
    const script = join(cwd, 'tool/session/export_session_artifact.sh');
    await copyFile(fileURLToPath(new URL('../../../../session/export_session_artifact.sh', import.meta.url)), script);
    await writeFile(join(cwd, 'tool/bin/promptos'), '#!/bin/sh\nprintf "<%s>" "$@"\nexit 7\n', { mode: 0o755 });
    // Also through links to it, relative and absolute, and through a linked folder.
    await mkdir(join(cwd, 'links'));
    await symlink('../tool/session/export_session_artifact.sh', join(cwd, 'links/relative'));
    await symlink(join(cwd, 'links/relative'), join(cwd, 'absolute'));
    await symlink('tool/session', join(cwd, 'folder'));
    const links = ['links/relative', 'absolute', 'folder/export_session_artifact.sh'].map((link) => join(cwd, link));
    for (const path of [script, ...links]) {
      const done = spawnSync(path, ['--artifacts-dir', 'a b'], { cwd: tmpdir(), encoding: 'utf8' });
      expect({ status: done.status, stdout: done.stdout }).toEqual({
        status: 7,
        stdout: '<export><--artifacts-dir><a b>',
      });
    }
  });
});

describe('promptos pr-block', () => {
  test('prints the six lines that tools read, then the run, its record and the approvals', async () => {
    await publishRun();
    const { stdout } = await runCommand(prBlockCommand, ['run-1'], { store, cwd });
    const digest = execFileSync('sha256sum', [join(store.locate('run-1'), 'run_record.json')])
      .toString()
      .slice(0, 64);
    expect(stdout).toBe(
      `${[
        '> **Governed Session**',
        '> - PromptOS Version: `v1.0.0`',
        '> - Prompts Used: `P01, P03, P08, P05, P06`',
        '> - Session Artifact: `artifacts/evidence/prompt_session.json`',
        '> - Developer: `ada`',
        '> - Target Repo: `split-bill`',
        '> - Run: `run-1` (approved)',
        `> - Run Record: \`sha256:${digest}\``,
        '> - Approvals: P01 by `grace`, P03 by `grace`, P05 by `grace`, P06 by `grace`',
        '> - Escalations: 1 raised, 1 resolved',
        "> - Authentication: none, so the deciders' names are claims",
      ].join('\n')}\n`,
    );
  });

  test('--artifacts-dir: names another folder; RUN_NOT_FOUND for an unknown run', async () => {
    await publishRun({ outcome: 'expired' });
    const { emitted } = await runCommand(prBlockCommand, ['run-1', '--artifacts-dir', 'docs/ev/'], {
      store,
      cwd,
      json: true,
    });
    expect(emitted[0]?.pr_block).toContain('> - Session Artifact: `docs/ev/prompt_session.json`\n');
    expect(emitted[0]?.pr_block).toContain('> - Run: `run-1` (expired)\n');
    await expect(runCommand(prBlockCommand, ['run-9'], { store, cwd })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    });
  });
});
