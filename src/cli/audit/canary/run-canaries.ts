import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  CANARIES,
  type CanaryOutcome,
  type ControlOutcome,
  createPlanter,
  plantAll,
} from '../../../canary/canaries.js';
import type { Canary } from '../../../canary/canary.js';
import { createCanaryRuns } from '../../../canary/canary-run.js';
import { canaryPolicy, type JudgingPolicy, PROJECT_FILES } from '../../../canary/project.js';
import { type PolicyFile, readPolicyInForce } from '../../../config/policy-file.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { RULES_VERSION } from '../../../contracts/run/rules-version.js';
import { counted } from '../../../contracts/sentences.js';
import type { CommandContext } from '../../app/context.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';
import { findProject } from '../../app/project.js';
import { withCanaryGround } from './canary-ground.js';

export interface CanaryOptions {
  readonly policy?: string;
  readonly class?: string;
}

interface NamedPolicy extends PolicyFile {
  readonly path: string;
}

/** Plants the canaries and reports what caught each. @throws PromptOsError USAGE and what reading the policy throws */
export async function runCanaries(context: CommandContext, options: CanaryOptions): Promise<void> {
  const output = context.output();
  const canaries = chosen(options.class);
  const named = await userPolicy(context, options);
  const { control, outcomes, pack_sha256 } = await withCanaryGround(
    context,
    {
      files: PROJECT_FILES,
      policy: (packSha256) => canaryPolicy(packSha256, named === null ? undefined : judgingParts(named)),
    },
    async ({ ground, policy }) => {
      const planter = await createPlanter(createCanaryRuns(ground), policy);
      const control = await planter.control();
      const outcomes = await plantAll(planter, canaries, (planted) =>
        output.live([`planted ${planted} of ${canaries.length}`]),
      );
      return { control, outcomes, pack_sha256: ground.pack.digest };
    },
  );
  const passed = control.passed && outcomes.every(({ status }) => status !== 'not_caught');
  show(output, control, outcomes, named);
  output.emit({
    passed,
    policy: named === null ? null : { path: named.path, sha256: named.sha256 },
    rules_version: RULES_VERSION,
    prompt_pack_sha256: pack_sha256,
    control,
    canaries: outcomes,
  });
  if (!passed) context.exit(1);
}

function chosen(wanted: string | undefined): readonly Canary[] {
  if (wanted === undefined) return CANARIES;
  const found = CANARIES.filter((canary) => canary.class === wanted);
  if (found.length > 0) return found;
  const classes = [...new Set(CANARIES.map((canary) => canary.class))];
  throw new PromptOsError('USAGE', `--class: there is no class "${wanted}".`, {
    hint: `Name one of: ${classes.join(', ')}.`,
  });
}

/** The policy that `--policy` names, or that of the repository; null where there is none. */
async function userPolicy(context: CommandContext, { policy: given }: CanaryOptions): Promise<NamedPolicy | null> {
  const path = given === undefined ? (await findProject(context)).files.policy : resolve(context.cwd, given);
  if (given === undefined && !existsSync(path)) return null;
  return { path, ...(await readPolicyInForce(path)) };
}

/** The parts of a policy that rules judge patches by. */
function judgingParts({ policy }: PolicyFile): JudgingPolicy {
  const { protected_paths, protected_tests, agent_files, limits } = policy;
  const { patch_bytes, patch_files } = limits;
  return {
    protected_paths,
    protected_tests,
    limits: { patch_bytes, patch_files },
    ...(agent_files === undefined ? {} : { agent_files }),
  };
}

const SHOWN = { caught: 'caught', not_caught: 'NOT CAUGHT', skipped: 'skipped' } as const;

function show(
  output: Output,
  control: ControlOutcome,
  outcomes: readonly CanaryOutcome[],
  named: NamedPolicy | null,
): void {
  if (output.json) return;
  const width = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const [names, classes, rules] = [
    width(outcomes.map(({ name }) => name)),
    width(outcomes.map((outcome) => outcome.class)),
    width(outcomes.map(({ expected }) => expected.rule ?? 'answer')),
  ];
  for (const { name, class: kind, status, expected, escalates, reason } of outcomes) {
    const how = `${expected.gate}  ${(expected.rule ?? 'answer').padEnd(rules)}  ${expected.effect.padEnd(12)}  ${escalates ? 'P08' : '   '}`;
    const why = reason === null ? '' : `  ${printableLine(reason)}`;
    output.say(`${SHOWN[status].padEnd(10)}  ${name.padEnd(names)}  ${kind.padEnd(classes)}  ${how}${why}`.trimEnd());
  }
  const { passed, gate, rules: found } = control;
  if (passed) output.say('honest change: passed every gate');
  else
    output.say(
      `HONEST CHANGE: ${gate} did not pass it (${found.join(', ') || printableLine(control.reason ?? 'no reason')})`,
    );
  const of = (status: CanaryOutcome['status']) => outcomes.filter((outcome) => outcome.status === status).length;
  const skipped = of('skipped') === 0 ? '' : `, ${of('skipped')} skipped`;
  const under = named === null ? 'the built-in policy' : printableLine(named.path);
  output.say(
    `${counted(outcomes.length, 'canary')} under ${under}: ${of('caught')} caught, ${of('not_caught')} not caught${skipped}`,
  );
}
