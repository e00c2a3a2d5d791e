import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prCheckCommand, traceCommand, ungovernedCommand } from '../../../../src/cli/audit/audit-commands.js';
import { prBlockCommand } from '../../../../src/cli/runs/run-commands.js';
import { builtInPackDir } from '../../../../src/config/pack-folder.js';
import { readPromptPack } from '../../../../src/config/prompt-pack.js';
import { sha256Hex } from '../../../../src/contracts/digest.js';
import { promptos } from '../../../support/command-line.js';
import type { GenuineRun } from '../../../verify/genuine-run.js';
import type { AuditedRepository } from '../audited-repository.js';
import { createGovernedChange, type GovernedChange } from '../governed-fixture.js';

let change: GovernedChange;
let audited: AuditedRepository;
let genuine: GenuineRun;
let base: string;
let policy: string;
let folder: string;

/** One real run, with the verifier that `promptos verify` has. */
beforeAll(async () => {
  change = await createGovernedChange();
  ({ audited, genuine, base, policy, folder } = change);
});
afterAll(() => change?.remove());

describe('a run that was really governed, with the real verifier', () => {
  test('promptos trace: verified against the policy, every prompt intact, every decision signed', async () => {
    const { json, exitCode } = await audited.invoke(traceCommand, 'src/split.js', '--policy', policy, '--json');
    expect(json.problems).toEqual([]);
    expect(exitCode).toBe(0);
    expect(json.artifact).toMatchObject({ kind: 'commit', found_by: 'trailer', likeness: 'same' });
    expect(json.run_record.verification).toMatchObject({ problem: null, trusted: true });
    expect(json.prompts.request_signed_by).toBe(genuine.keys.ada.key.keyid);
    expect(
      new Set(json.decided.map(({ signature, keyid }: Record<string, string>) => `${signature} ${keyid}`)),
    ).toEqual(new Set([`valid ${genuine.keys.grace.key.keyid}`]));
    // P08 was raised and has no attempt of its own; its prompt is in each text that was received.
    const texts = json.prompts.texts as readonly { prompt_id: string; sha256: string }[];
    expect(texts.map(({ prompt_id }) => prompt_id)).toEqual(['P00', 'P01', 'P03', 'P05', 'P06', 'P07', 'P08']);
    const pack = await readPromptPack(builtInPackDir());
    expect(texts.at(-1)?.sha256).toBe(sha256Hex(pack.files['P08-governance-escalation.md'] ?? ''));
    expect(json.received.every(({ intact }: { intact: boolean }) => intact)).toBe(true);
  });

  test('promptos pr-check and promptos ungoverned: both are content', async () => {
    const body = join(folder, 'body.md');
    await writeFile(body, (await audited.invoke(prBlockCommand, genuine.run.run_id)).stdout);
    const checked = await audited.invoke(
      prCheckCommand,
      ...['--body', body, '--commit', 'HEAD', '--policy', policy, '--json'],
    );
    expect(checked.json.checks.filter(({ code }: { code: string | null }) => code !== null)).toEqual([]);
    expect(checked.exitCode).toBe(0);
    const listed = await audited.invoke(ungovernedCommand, '--since', base, '--policy', policy, '--json');
    expect(listed).toMatchObject({ exitCode: 0, json: { commits: 1, ungoverned: [] } });
  });

  test('whole command lines: the store is found, --repo-path and -C name folders, NO_MATCH and UNGOVERNED end with 1', async () => {
    const { repo, env } = audited;
    const asked = await promptos(['trace', 'HEAD', '--repo-path', repo, '--json'], { cwd: folder, env });
    expect(asked).toMatchObject({ exitCode: 0 });
    expect(asked.objects()).toMatchObject([{ subject: 'HEAD', run_id: genuine.run.run_id, problems: [] }]);
    expect(asked.stderr).toContain('no --policy was given');
    const unknown = await promptos(['-C', repo, 'trace', base, '--json'], { env });
    expect(unknown).toMatchObject({ exitCode: 1 });
    expect(unknown.objects()).toMatchObject([{ error: { code: 'NO_MATCH' }, nearest: [] }]);
    const all = await promptos(['ungoverned', '--since', 'HEAD~', '-C', repo, '--policy', policy], { env });
    expect(all).toMatchObject({ exitCode: 0, stdout: '1 commit since HEAD~, none of them ungoverned.\n', stderr: '' });
  });

  test('a file added to its tree: all three report the code of the verifier', async () => {
    await writeFile(join(audited.store.locate(genuine.run.run_id), 'evidence/extra.txt'), 'extra\n');
    const trace = await audited.invoke(traceCommand, genuine.run.run_id, '--policy', policy, '--json');
    expect(trace.exitCode).toBe(1);
    expect(trace.json.run_record.verification.problem.code).toBe('FILE_UNEXPECTED');
    const checked = await audited.invoke(
      prCheckCommand,
      ...['--body', join(folder, 'body.md'), '--commit', 'HEAD', '--policy', policy, '--json'],
    );
    expect(checked.json.checks.find(({ check }: { check: string }) => check === 'record')).toMatchObject({
      code: 'RUN_NOT_VERIFIED',
      message: expect.stringContaining('FILE_UNEXPECTED'),
    });
    const listed = await audited.invoke(ungovernedCommand, '--since', base, '--policy', policy, '--json');
    expect(listed.json.ungoverned[0].reason).toBe(`run ${genuine.run.run_id} does not verify: FILE_UNEXPECTED`);
  });
});
