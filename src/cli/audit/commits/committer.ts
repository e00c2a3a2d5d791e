import { type PolicyFile, parsePolicyBytes } from '../../../config/policy-file.js';
import { sha256Hex } from '../../../contracts/digest.js';
import { type ErrorCode, PromptOsError } from '../../../contracts/errors.js';
import { GATES } from '../../../contracts/names.js';
import type { Policy } from '../../../contracts/policy/policy.js';
import { TREE_PATHS } from '../../../domain/record/published-tree.js';
import type { ReadableStore } from '../../../ports/artifact-store.js';
import { readPublished } from '../../app/published-run.js';
import type { AuditedRun } from './run-catalogue.js';

export interface Committer {
  readonly name: string;
  readonly email: string;
}

/** One form for names that people write in several ways: case, width and spaces do not count. */
const folded = (name: string): string => name.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase();

/** What a committer may be known by: the name, the address, and the part before its `@`, with and without a tag. */
function namesOf({ name, email }: Committer): ReadonlySet<string> {
  const local = email.split('@')[0] ?? '';
  const [before = '', after] = local.split('+');
  // 1234567+ada@users.noreply.github.com is the account ada; ada+work@example.org is the mailbox ada.
  const account = /@users\.noreply\./i.test(email) && after !== undefined ? after : before;
  return new Set([name, email, local, account].map(folded).filter((text) => text !== ''));
}

/** The names of a principal: its own, and the one that the policy shows for it. */
export function namesOfPrincipal(principal: string, policy: Policy | null): readonly string[] {
  const same = Object.entries(policy?.principals ?? {}).filter(([name]) => folded(name) === folded(principal));
  return [principal, ...same.flatMap(([name, { display_name }]) => [name, ...(display_name ? [display_name] : [])])];
}

/**
 * Whether a committer goes by one of these names. Commits are not signed by principals' keys, so this catches mistakes,
 * not a commit under a false name.
 */
export function isCommitter(committer: Committer, names: readonly string[]): boolean {
  const known = namesOf(committer);
  return names.some((name) => known.has(folded(name)));
}

export interface CommitterJudgement {
  /** Null when they may commit the run's change. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

export interface CommitterQuestion {
  readonly store: ReadableStore;
  readonly run: Pick<AuditedRun, 'runId' | 'record'>;
  readonly policies: readonly PolicyFile[];
  readonly committer: Committer;
}

/** Whether a person may commit the change of a run: neither its writer nor, unless the policy says so, its developer. */
export async function judgeCommitter({
  store,
  run,
  policies,
  committer,
}: CommitterQuestion): Promise<CommitterJudgement> {
  const shown = `${committer.name} <${committer.email}>`;
  try {
    const policy = await policyOfRun(store, run, policies);
    const { record } = run;
    const made = record.gates.filter(({ gate }) => GATES[gate].role === 'writer').flatMap(({ attempts }) => attempts);
    const writers = new Set(made.map(({ principal }) => principal));
    for (const writer of writers) {
      if (isCommitter(committer, namesOfPrincipal(writer, policy))) {
        return { code: 'COMMITTER_IS_WRITER', message: `${shown} committed what the writer ${writer} made.` };
      }
    }
    if (!isCommitter(committer, namesOfPrincipal(record.developer, policy))) {
      return { code: null, message: `committed by ${shown}` };
    }
    if (policy?.self_approval === 'allowed') {
      return { code: null, message: `${shown} started the run; the policy lets them` };
    }
    const message = `${shown} committed the run that ${record.developer} started.`;
    return { code: 'COMMITTER_IS_DEVELOPER', message };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    return { code: 'RUN_NOT_VERIFIED', message: `${error.code}: ${error.summary}` };
  }
}

/**
 * The policy that a run was made under: of those handed in, else the tree's own; null when the tree has none.
 * @throws PromptOsError RECORD_INVALID when the tree's is another than the record names
 */
export async function policyOfRun(
  store: ReadableStore,
  { runId, record }: Pick<AuditedRun, 'runId' | 'record'>,
  policies: readonly PolicyFile[],
): Promise<Policy | null> {
  const trusted = policies.find(({ sha256 }) => sha256 === record.policy.sha256);
  if (trusted !== undefined) return trusted.policy;
  const places: readonly string[] = [TREE_PATHS.policyYaml, TREE_PATHS.policyJson];
  const file = ((await store.published(runId)) ?? []).find(({ path }) => places.includes(path));
  if (file === undefined) return null;
  const bytes = await readPublished(store, runId, file.path);
  if (sha256Hex(bytes) === record.policy.sha256) return parsePolicyBytes(bytes, file.path).policy;
  throw new PromptOsError('RECORD_INVALID', `${file.path} of run ${runId} is not the policy that its record names.`);
}
