import type { RecordedWaiver, RunRecord } from '../contracts/record/run-record.js';
import { type UnprotectedKey, unprotectedKeys } from '../domain/ledger/signed-acts.js';
import { recordedWaivers } from '../domain/record/run-record.js';
import type { TreeReader } from '../ports/tree-reader.js';
import { judgesAgain } from './attempt-inputs.js';
import { checkAttempts, checkDuties, checkFold, checkPrompts } from './checks/attempts.js';
import { checkDerivations, checkRenderedPrompts } from './checks/derivations.js';
import { checkOutputs, checkTestEvidence } from './checks/evidence.js';
import { checkJudgement } from './checks/judgement.js';
import { checkDocuments, checkJournal, checkPlan, checkPolicy, checkRequestSignature } from './checks/opening.js';
import {
  checkArtifacts,
  checkEscalations,
  checkLedgerHead,
  checkPromptOsPolicy,
  checkRecord,
  checkSession,
} from './checks/record.js';
import {
  checkBundle,
  checkRecordSignature,
  checkRevocations,
  checkSeal,
  checkStandardAttestations,
} from './checks/signatures.js';
import {
  checkDigests,
  checkFiles,
  checkFinalised,
  checkGateArtifacts,
  checkRecordForm,
  checkTree,
} from './checks/tree.js';
import { useNativeCrypto } from './native-crypto.js';
import { openDocuments, type TreeDocuments } from './open-documents.js';
import type { VerifyTrust } from './trust.js';
import { VerifyFailure } from './verify-codes.js';

/** What no verifier can make again from a tree alone. `docs/verify.md` has the same list. */
export const NOT_RECOMPUTED = [
  'whether the patch applies to the base commit: this needs the repository',
  'whether files have the bytes that their attributes give them: this needs the repository',
  'what the secret scanner found beyond the built-in patterns, and what is inside binary files',
  'why a try of an executor did not count, and which program and model gave an answer',
  'what a check printed and how it ended: its logs are compared with the record, the check is not run',
  'what the report of a check counted: the counts are held against those of the base commit, the report is not published',
  'changes that an executor made where it may make none, and changes of the repository itself during a gate',
] as const;

const OLD_RULES =
  'rules, derivations and prompts of this run: it was governed by rules version 1, which does not ask for them';

/** What was not judged again of a tree. */
const notRecomputed = async (documents: TreeDocuments): Promise<readonly string[]> =>
  (await judgesAgain(documents)) ? NOT_RECOMPUTED : [OLD_RULES, ...NOT_RECOMPUTED];

/** One thing that a verifier asks of a tree. What it returns are remarks that a reader must not miss. */
interface Check {
  readonly title: string;
  readonly run: (documents: TreeDocuments) => Promise<readonly string[]> | Promise<void>;
  /** Whether it is about what the engine's key signs last. */
  readonly afterSigning?: true;
  /** What it would ask and cannot, from a tree alone. */
  readonly notRecomputed?: (documents: TreeDocuments) => Promise<readonly string[]>;
  /** What was waived in the run. */
  readonly waivers?: (documents: TreeDocuments) => Promise<readonly RecordedWaiver[]>;
  /** Keys without a passphrase, as their holders' programs say. */
  readonly unprotectedKeys?: (documents: TreeDocuments) => Promise<readonly UnprotectedKey[]>;
}

/** Every check in its order: what others depend on comes first, so that the first failure is the one to look at. */
export const CHECKS = {
  tree: { title: 'only plain files, no two of one name', run: checkTree },
  finalised: { title: 'the run was finalised', run: checkFinalised },
  record_form: { title: 'run_record.json is strict JSON of its schema', run: checkRecordForm },
  files: { title: 'every listed file is there, nothing else is', run: checkFiles },
  digests: { title: 'every file has the listed digest and size', run: checkDigests },
  ledger: {
    title: 'the ledger is canonical and its hash chain whole',
    run: async ({ ledger }) => void (await ledger()),
  },
  ledger_head: { title: 'the record names this ledger', run: checkLedgerHead },
  policy: { title: "the run's policy is trusted", run: checkPolicy },
  documents: { title: 'request and prompt pack are those of the run', run: checkDocuments },
  request_signature: { title: 'the starter signed the run', run: checkRequestSignature },
  plan: { title: 'what the run pinned is what the policy says', run: checkPlan },
  fold: { title: 'every event of the ledger is the one that the rules write', run: checkFold },
  prompts: { title: "executors saw the pack's prompts word for word", run: checkPrompts },
  attempts: { title: "attempts' records fit the run and the ledger", run: checkAttempts },
  duties: { title: 'duties were separate', run: checkDuties },
  gate_artifacts: { title: 'every attempt has the files of its gate', run: checkGateArtifacts },
  outputs: { title: "gates' outputs have their schemas", run: checkOutputs },
  test_evidence: { title: 'what was tested is what is published', run: checkTestEvidence },
  derivations: { title: 'files follow from the answers and the patch', run: checkDerivations },
  judgement: {
    title: 'findings are those that the rules give again',
    run: checkJudgement,
    notRecomputed,
  },
  rendered_prompts: { title: 'prompts follow from the pack and the inputs', run: checkRenderedPrompts },
  session: { title: 'the prompt session is intact and of this run', run: checkSession },
  escalations: { title: 'escalations are as the ledger has them', run: checkEscalations },
  artifacts: { title: 'the list of files is the one that the run led to', run: checkArtifacts },
  record: {
    title: 'the record is the one that the ledger leads to',
    run: checkRecord,
    waivers: async (documents) => recordedWaivers(await documents.ledger()),
    unprotectedKeys: async (documents) => unprotectedKeys(await documents.ledger()),
  },
  attestations: { title: 'provenance and test results are signed by their principals', run: checkStandardAttestations },
  revocations: { title: 'no key signed after it was revoked', run: checkRevocations },
  journal: { title: 'the journal agrees with the ledger', run: checkJournal },
  seal: { title: 'the engine sealed the ledger', run: checkSeal, afterSigning: true },
  record_signature: { title: 'the engine signed the record', run: checkRecordSignature, afterSigning: true },
  bundle: { title: 'the bundle holds every attestation', run: checkBundle, afterSigning: true },
  promptos_policy: { title: 'the PromptOS policy file is kept', run: checkPromptOsPolicy },
} as const satisfies Record<string, Check>;
type CheckName = keyof typeof CHECKS;

/** What is wrong with a tree, and where; null for the tree as a whole. */
export type Failure = Pick<VerifyFailure, 'code' | 'message' | 'path' | 'expected' | 'found'>;

/** What is wrong, and where, in a sentence. */
export const failureText = ({ message, path, expected, found }: Failure): string =>
  `${message} (${path ?? 'the tree'}: expected ${expected}, found ${found})`;

/** What came of one check. */
export interface CheckOutcome {
  readonly check: CheckName;
  readonly title: string;
  /** `not_checked`: it depends on something that failed before. */
  readonly status: 'ok' | 'failed' | 'not_checked';
  readonly failure: Failure | null;
  /** What holds and yet must be said: unsigned acts, a tree that vouches for itself. */
  readonly remarks: readonly string[];
  /** What could not be judged again from the tree alone; absent for checks that leave nothing out. */
  readonly not_recomputed?: readonly string[];
  /** Findings that an integrator waived, of runs of every version; absent where nothing was. */
  readonly waivers?: readonly RecordedWaiver[];
  /** Keys of people without a passphrase, as their signed messages claim; absent where none says so. */
  readonly unprotected_keys?: readonly UnprotectedKey[];
}

/**
 * Judges a run's tree with the same domain that the run was governed by, from nothing but its files and the policies
 * handed in: no network, no store, and no clock but the one instant of `trust`. One outcome a check, in the order of `CHECKS`; the tree is verified when none
 * failed. It never throws: a tree that cannot be read, or that ends a check in an unexpected way, is not verified.
 */
export async function* verifyTree(
  reader: TreeReader,
  trust: VerifyTrust,
): AsyncGenerator<CheckOutcome, void, undefined> {
  useNativeCrypto();
  const documents = openDocuments(reader, trust);
  const reported = new Set<unknown>();
  for (const [check, { title, run, ...more }] of Object.entries(CHECKS) as [CheckName, Check][]) {
    if (more.afterSigning === true && trust.engineSignatures === 'pending') continue;
    if (check === 'promptos_policy' && trust.promptosPolicy === undefined) continue;
    if (!(await isApplicable(documents, check))) {
      yield { check, title, status: 'not_checked', failure: null, remarks: [] };
      continue;
    }
    try {
      const remarks = (await run(documents)) ?? [];
      const left = more.notRecomputed === undefined ? {} : { not_recomputed: await more.notRecomputed(documents) };
      const waivers = (await more.waivers?.(documents)) ?? [];
      const waived = waivers.length === 0 ? {} : { waivers };
      const keys = (await more.unprotectedKeys?.(documents)) ?? [];
      const unprotected = keys.length === 0 ? {} : { unprotected_keys: keys };
      yield { check, title, status: 'ok', failure: null, remarks, ...left, ...waived, ...unprotected };
    } catch (error) {
      const known = error instanceof VerifyFailure;
      // A document that cannot be read is reported once, and not by everything that rests on it. After the first failure,
      // unknown errors are expected.
      const status = reported.has(error) || (!known && reported.size > 0) ? 'not_checked' : 'failed';
      reported.add(error);
      const { code, message, path, expected, found } = known ? error : unexpected(error, check);
      const failure = known || status === 'failed' ? { code, message, path, expected, found } : null;
      yield { check, title, status, failure, remarks: [] };
    }
  }
}

/** What can be asked of what there is of a run without a record: its bytes, and its ledger where that runs to a closing. */
const OF_INCOMPLETE: readonly CheckName[] = ['tree', 'finalised', 'digests'];
const OF_CLOSED_LEDGER: readonly CheckName[] = ['ledger', 'policy', 'documents', 'request_signature', 'plan', 'fold'];

async function isApplicable(documents: TreeDocuments, check: CheckName): Promise<boolean> {
  // A mark that cannot be read is reported by the check that asks for it.
  const found = await documents.incomplete().catch(() => null);
  if (found === null || OF_INCOMPLETE.includes(check)) return true;
  return found.ledger?.closed === true && OF_CLOSED_LEDGER.includes(check);
}

const unexpected = (error: unknown, check: CheckName): VerifyFailure =>
  new VerifyFailure(
    'CHECK_FAILED_UNEXPECTEDLY',
    undefined,
    `an answer of the check "${check}"`,
    error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  );

/** What came of a whole tree. */
export interface TreeVerdict {
  readonly verified: boolean;
  readonly outcomes: readonly CheckOutcome[];
  /** The first check that failed. */
  readonly first: CheckOutcome | null;
  readonly remarks: readonly string[];
  /** Findings that an integrator waived; none where the record does not verify. */
  readonly waivers: readonly RecordedWaiver[];
}

/** Every check of a tree at once. */
export async function judgeTree(reader: TreeReader, trust: VerifyTrust): Promise<TreeVerdict> {
  const outcomes: CheckOutcome[] = [];
  for await (const outcome of verifyTree(reader, trust)) outcomes.push(outcome);
  const first = outcomes.find(({ status }) => status === 'failed') ?? null;
  return {
    verified: first === null,
    outcomes,
    first,
    remarks: outcomes.flatMap(({ remarks }) => remarks),
    waivers: outcomes.flatMap(({ waivers = [] }) => waivers),
  };
}

/**
 * The record of a tree that is not known yet, such as a bundle: read within the verifier's limits, and not judged.
 * @returns why the tree has none
 */
export async function readRunRecord(reader: TreeReader): Promise<RunRecord | VerifyFailure> {
  const documents = openDocuments(reader, { policies: [] });
  try {
    await checkTree(documents);
    return await documents.record();
  } catch (error) {
    if (error instanceof VerifyFailure) return error;
    throw error;
  }
}
