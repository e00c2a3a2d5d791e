import { firstDifference } from './first-difference.js';

/**
 * Everything that `verify` can find wrong, and what it means. Stable: scripts and test vectors name them.
 * `docs/verify.md` has the same table; a test ties the two together.
 */
export const VERIFY_CODES = {
  // The tree
  LINK_IN_TREE: 'The tree has a symbolic link.',
  SPECIAL_FILE: 'The tree has an entry that is neither a file nor a folder.',
  PATH_UNSAFE:
    'A path holds control characters, a backslash, or is written in another Unicode form, or leads out of the tree.',
  PATH_NOT_ALLOWED: 'A record lists a path that no gate may write, or one that is not the same file on every system.',
  PATH_CLASH: 'Two paths differ only in case, so one of them would be lost on many systems.',
  FILE_MISSING: 'A file that the record lists, or that every tree has, is missing.',
  FILE_UNEXPECTED: 'The tree has a file that the record does not list.',
  FILE_TOO_LARGE: 'A document is larger than one that the engine writes.',
  TREE_TOO_LARGE: 'The tree has more entries, deeper folders or more bytes than a run makes.',
  FILE_NOT_READABLE: 'A file or folder of the tree could not be read, so nothing is known of it.',
  FILE_CHANGED: 'A file changed while it was read.',
  BUNDLE_MALFORMED:
    'The bundle is not one that `promptos export --bundle` writes: cut off, changed, or with more in it.',
  DIGEST_MISMATCH: 'The bytes of a file are not those that the record lists.',
  JSON_MALFORMED: 'A file is not UTF-8 or not JSON, or there is something before or behind the JSON.',
  JSON_NOT_STRICT:
    'A file is JSON, but not written as the engine writes it: a key twice, `1.0` for `1`, another layout.',
  JSON_TOO_LARGE: 'JSON is nested deeper, or has more values, than the engine writes.',
  SHAPE_INVALID: 'A document lacks a field, has one too many, or one of another type.',
  RUN_OTHER: 'The tree is that of another run than the one that was asked for.',
  CHECK_FAILED_UNEXPECTEDLY:
    'A check ended in a way that the verifier does not know. That is a defect of the verifier; the tree is not verified.',
  TREE_INCOMPLETE: 'The tree is no record: the run was not finalised, and it holds what there was.',
  // Trust
  POLICY_UNKNOWN: 'The run was governed by a policy that is not among those handed in.',
  POLICY_DIFFERS: "The policy's bytes in the tree are not those of the run's policy.",
  POLICY_INVALID: "The run's policy is not a valid policy.",
  POLICY_NOT_FOR_REPOSITORY: "The run's policy does not govern the run's repository.",
  REQUEST_DIFFERS: "The request's bytes are not those that the run was started with.",
  PACK_DIFFERS: "The prompt pack's bytes are not those that the run was started with.",
  PACK_INVALID: 'The prompt pack does not load: its index, prompts, lock or digest do not fit together.',
  PACK_NOT_TRUSTED: "The run's policy does not list the prompt pack.",
  GATES_NOT_ALLOWED: 'The run walked gates that the policy or their order do not allow.',
  PLAN_DIFFERS: 'What the run pinned of its policy is not what the policy says.',
  RULES_VERSION_UNKNOWN:
    'The run is judged by newer rules than this release knows: verify its record with a newer release.',
  REQUEST_SIGNATURE_INVALID: "The starter's signature over the run does not count.",
  // The ledger
  LEDGER_FORM: 'A line of the ledger is not canonical JSON or is too long, or the last line is not whole.',
  LEDGER_SHAPE: 'An entry of the ledger is none that the engine writes.',
  LEDGER_BROKEN: 'The hash chain of the ledger does not hold.',
  LEDGER_ENDS: 'The ledger does not run from an opening to a closing.',
  LEDGER_HEAD_DIFFERS: "The record's ledger field names another head or another number of entries.",
  LEDGER_TIME: 'The ledger goes back in time.',
  FOLD_DIFFERS: 'The ledger holds an event that the rules would not have written there.',
  DECISION_REFUSED: 'The ledger counts a decision that does not count.',
  RESOLUTION_REFUSED: 'The ledger counts a resolution that does not count.',
  ESCALATION_REFUSED: "The ledger counts a person's escalation that does not count.",
  CANCELLATION_REFUSED: "The ledger counts a person's cancellation that does not count.",
  ATTESTATION_REFUSED: "The ledger takes a gate's result that its principal did not sign so.",
  // What was done
  ATTEMPT_DIFFERS: "An attempt's record does not fit the run, its gate, its inputs or what the ledger says of it.",
  PROMPT_DIFFERS: "An attempt did not use the pack's prompt.",
  RENDERED_PROMPT_DIFFERS: "A rendered prompt does not begin with the gate's and the escalation prompt, word for word.",
  DUTIES_CLASH: 'One principal, key or executor did two duties that the policy wants apart.',
  ARTIFACT_MISSING: 'An attempt lacks a file that every attempt of its gate has, or has one that it cannot have.',
  DERIVED_DIFFERS: 'A file is not the one that follows from the answer, the patch or the JSON that it is made of.',
  FINDINGS_DIFFER: "An attempt's findings or its escalation are not those that the rules give for what is published.",
  EVIDENCE_OTHER_PATCH: 'The test results are about another patch than the current one.',
  EVIDENCE_DIFFERS: 'The test results do not fit the base, the checks of the policy, their logs or the verdict.',
  // The record
  SESSION_HASH_INVALID: 'The hashes of the prompt session do not fit its content.',
  SESSION_OTHER_RUN: 'The prompt session is that of another run.',
  SIDECAR_DIFFERS: 'The sidecar of the prompt session names another digest.',
  ESCALATION_DIFFERS: 'The report of an escalation is not what the ledger says of it.',
  ARTIFACTS_DIFFER: "The record's list of artifacts is not the one that the ledger and the attempts lead to.",
  RECORD_DIFFERS: 'The run record is not the one that the ledger leads to.',
  // Signatures
  ATTESTATION_MISSING: 'A signed statement of the ledger is missing among the attestations.',
  ATTESTATION_UNEXPECTED: 'The tree has an attestation that nothing accounts for.',
  ATTESTATION_DIFFERS: 'An attestation is not the one that the ledger holds.',
  ATTESTATION_INVALID: 'An attestation of a result is not signed by its principal, or is about something else.',
  BUNDLE_DIFFERS: 'bundle.jsonl does not hold exactly the attestations of the folder.',
  KEY_REVOKED: 'A key signed at a time from which a policy handed in says that it is revoked.',
  SEAL_MISSING: 'The policy asks that the ledger be sealed by the engine, and it is not.',
  SEAL_INVALID: "The seal of the ledger is not signed by a key of the engine's, or is about another ledger.",
  RECORD_SIGNATURE_MISSING: 'The policy asks that the record be signed by the engine, and it is not.',
  RECORD_SIGNATURE_INVALID: "The signature of the record is not by a key of the engine's, or is about another record.",
  // The journal
  JOURNAL_FORM: 'The journal is not JSON Lines in canonical form, one entry a place.',
  JOURNAL_DIFFERS:
    "The journal lacks what the engine signs at the opening, before a run's steps or at its end, or shows another fork.",
  JOURNAL_FORK: 'The ledger does not account for what was signed and journalled, and no resolution names the fork.',
  // The policy file of existing PromptOS tooling
  PROMPTOS_VERSION: 'The session was made with another PromptOS version than the policy file requires.',
  PROMPTOS_HASH: "The session's artifact hash or sidecar does not hold, and the policy file requires it.",
  PROMPTOS_PROMPTS: 'The session declares no prompts, or others than those that ran.',
  PROMPTOS_CHAIN: "The session's chain hash does not hold, and the policy file requires it.",
  PROMPTOS_BINDING: 'The record is not bound to the session, and the policy file requires it.',
} as const satisfies Record<string, string>;

export type VerifyCode = keyof typeof VERIFY_CODES;

/** Something in a tree that is not as it must be. */
export class VerifyFailure extends Error {
  override readonly name = 'VerifyFailure';
  /** The file, or `file:line`, or the field. */
  readonly path: string | null;
  readonly expected: string;
  readonly found: string;

  constructor(
    readonly code: VerifyCode,
    path: string | undefined,
    expected: string,
    found: string,
  ) {
    super(VERIFY_CODES[code]);
    this.path = path === undefined ? null : clipped(path);
    this.expected = clipped(expected);
    this.found = clipped(found);
  }
}

/** Characters of a fact that a message keeps: facts may come from the tree, which may be hostile. */
const FACT_LENGTH = 2_000;

const clipped = (text: string): string =>
  text.length > FACT_LENGTH ? `${text.slice(0, FACT_LENGTH - 1).toWellFormed()}…` : text;

/** @throws VerifyFailure at the first place where the two differ. @param path the document in which both are */
export function expectEqual(code: VerifyCode, path: string, expected: unknown, found: unknown): void {
  const difference = firstDifference(expected, found);
  if (difference === null) return;
  throw new VerifyFailure(code, `${path}: ${difference.at}`, difference.expected, difference.found);
}

/** The same of the fields that are expected; others that the found object has are not looked at. */
export const expectFields = (code: VerifyCode, path: string, expected: object, found: object): void =>
  expectEqual(
    code,
    path,
    expected,
    Object.fromEntries(Object.keys(expected).map((key) => [key, Reflect.get(found, key)])),
  );

/** @throws VerifyFailure with some text around the first byte in which a file is another than the expected text. */
export function expectText(code: VerifyCode, path: string, expected: string, found: Uint8Array): void {
  const wanted = new TextEncoder().encode(expected);
  const length = Math.max(wanted.length, found.length);
  let at = 0;
  while (at < length && wanted[at] === found[at]) at += 1;
  if (at === length) return;
  const from = Math.max(0, at - 40);
  const part = (bytes: Uint8Array) => JSON.stringify(new TextDecoder().decode(bytes.subarray(from, from + 120)));
  throw new VerifyFailure(code, path, part(wanted), part(found));
}

/** @throws VerifyFailure unless the two are the same. */
export function expectSame(code: VerifyCode, path: string, expected: unknown, found: unknown): void {
  if (expected === found) return;
  throw new VerifyFailure(code, path, String(expected), String(found));
}
