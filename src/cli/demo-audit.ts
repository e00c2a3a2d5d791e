import { join, relative } from 'node:path';
import { openStore } from '../adapters/open-store.js';
import { readPolicy } from '../config/policy-file.js';
import { counted } from '../contracts/sentences.js';
import { judgeTree } from '../verify/index.js';
import type { WorkerSetting } from '../worker.js';
import { renderTrace } from './audit/render-trace.js';
import { createRunCatalogue } from './audit/run-catalogue.js';
import { traceRun } from './audit/trace.js';
import { verifyRun } from './audit/verify-run.js';
import { type CommandContext, programOf } from './context.js';
import type { DemoProject } from './demo-project.js';
import { printableLine } from './printable.js';
import { openPublishedTree } from './verify/open-target.js';

/**
 * What `promptos verify` and `promptos trace` make of the demonstration's own tree, in a few lines. The answer is "no"
 * when the tree does not verify; nothing is said of a run that has none yet.
 */
export async function auditDemo(
  context: CommandContext,
  project: DemoProject,
  { setting, runId }: { readonly setting: WorkerSetting; readonly runId: string },
): Promise<void> {
  const output = context.output();
  const store = openStore(setting);
  const run = await createRunCatalogue(store).run(runId);
  if (run === null) return;
  const policy = await readPolicy(join(project.repository, '.promptos', 'policy.yaml'));
  const promptos = `${programOf(context)} -C ${relative(context.cwd, project.repository) || '.'}`;

  const { verified, outcomes, first, remarks } = await judgeTree(await openPublishedTree(store, runId), {
    policies: [policy],
  });
  output.say(`verify  ${promptos} verify latest --policy .promptos/policy.yaml`);
  output.say(
    verified
      ? `        verified: ${counted(outcomes.length, 'check')}, from the ledger's chain to the engine's seal, under the policy handed in`
      : `        NOT VERIFIED: ${first?.failure?.code} at ${printableLine(first?.failure?.path ?? 'the tree')}`,
  );
  for (const remark of remarks) output.say(`        NOTE: ${printableLine(remark)}`);

  const trace = await traceRun({
    catalogue: createRunCatalogue(store),
    run,
    artifact: { kind: 'run', found_by: 'run_id' },
    problems: [],
    verify: (one) => verifyRun(store, one, [policy]),
  });
  output.say(`trace   ${promptos} trace latest`);
  for (const line of renderTrace(trace).filter(isStep)) output.say(`        ${line}`);
  const signed = trace.decided.filter(({ signature }) => signature === 'valid').length;
  output.say(`          decided     ${counted(trace.decided.length, 'time')} by people, ${signed} of them signed`);
  output.say();
  if (!verified || trace.problems.length > 0) context.exit(1);
}

/** The five steps, without what stands under each; problems are never left out. */
const isStep = (line: string): boolean => /^(?:\d |PROBLEM)/.test(line);
