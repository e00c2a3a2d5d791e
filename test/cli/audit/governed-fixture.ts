import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GenuineRun, genuineRun } from '../../verify/genuine-run.js';
import { type AuditedRepository, createAuditedRepository } from './audited-repository.js';

/** A repository with the change of a real run on its branch, and the store that the run was published in. */
export interface GovernedChange {
  readonly audited: AuditedRepository;
  readonly genuine: GenuineRun;
  readonly runId: string;
  /** The commit before the change. It holds `.promptos/policy.yaml`. */
  readonly base: string;
  /** A folder of its own, with `policy.yaml` in it. */
  readonly folder: string;
  readonly policy: string;
  remove(): Promise<void>;
}

export async function createGovernedChange(): Promise<GovernedChange> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-governed-change-'));
  const genuine = await genuineRun();
  const audited = await createAuditedRepository();
  const refs = [];
  for (const [path, bytes] of genuine.files) {
    refs.push({ path, ...(await audited.store.putObject(bytes)), media_type: 'text/plain' });
  }
  await audited.store.publish(genuine.run.run_id, refs);
  const policy = join(folder, 'policy.yaml');
  await writeFile(policy, genuine.policyText);
  await audited.write('.promptos/policy.yaml', genuine.policyText);
  await audited.write('src/split.js', "export const split = 'wrong';\n");
  const base = audited.commitAll('base');
  const patch = join(folder, 'change.patch');
  await writeFile(patch, genuine.files.get('patch/change.patch') ?? '');
  audited.git('apply', '--index', patch);
  audited.commitAll(`Split\n\nPromptOS-Run: ${genuine.run.run_id}`);
  return {
    audited,
    genuine,
    runId: genuine.run.run_id,
    base,
    folder,
    policy,
    remove: async () => {
      await audited.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
