import { PromptOsError } from './errors.js';
import type { GateId } from './names.js';

/*
 * The one table of the files of a published tree. In a path `<…>` is a part that a run fills in. What publishes a tree,
 * what verifies it, the schemas that ship and docs/record.md follow it.
 */

/** The name of a schema in `artifact-schemas.ts`. */
export type ArtifactSchema =
  | 'run-record'
  | 'prompt-session'
  | 'ledger-event'
  | 'run-request'
  | 'policy'
  | 'prompt-pack'
  | 'attempt'
  | 'incomplete-tree'
  | 'baseline'
  | 'gate-output-p00'
  | 'gate-output-p01'
  | 'gate-output-p03'
  | 'gate-output-p06'
  | 'gate-output-p07'
  | 'job'
  | 'patch-files'
  | 'traceability'
  | 'network-log'
  | 'test-results';

export interface Artifact {
  readonly path: string;
  readonly media_type: string;
  /** Of the document, or of one line of it; absent for files that are not JSON or YAML. */
  readonly schema?: ArtifactSchema;
}

const JSON_TYPE = 'application/json';
const JSONL_TYPE = 'application/jsonl';
const YAML_TYPE = 'application/yaml';
const DSSE_TYPE = 'application/vnd.dsse.envelope.v1+json';
const MARKDOWN_TYPE = 'text/markdown';
const TEXT_TYPE = 'text/plain';

export const RUN_ARTIFACTS = {
  record: { path: 'run_record.json', media_type: JSON_TYPE, schema: 'run-record' },
  session: { path: 'evidence/prompt_session.json', media_type: JSON_TYPE, schema: 'prompt-session' },
  sidecar: { path: 'evidence/prompt_session.sha256', media_type: TEXT_TYPE },
  ledger: { path: 'evidence/ledger.jsonl', media_type: JSONL_TYPE, schema: 'ledger-event' },
  journal: { path: 'evidence/journal/journal.jsonl', media_type: JSONL_TYPE },
  request: { path: 'evidence/request.json', media_type: JSON_TYPE, schema: 'run-request' },
  policyYaml: { path: 'evidence/policy.yaml', media_type: YAML_TYPE, schema: 'policy' },
  policyJson: { path: 'evidence/policy.json', media_type: JSON_TYPE, schema: 'policy' },
  pack: { path: 'evidence/prompt_pack.json', media_type: JSON_TYPE, schema: 'prompt-pack' },
  escalation: { path: 'evidence/escalations/<escalation>.json', media_type: JSON_TYPE },
  attempt: { path: 'evidence/attempts/<gate>/<attempt>/attempt.json', media_type: JSON_TYPE, schema: 'attempt' },
  attestation: { path: 'evidence/attestations/<name>.dsse.json', media_type: DSSE_TYPE },
  bundle: { path: 'evidence/attestations/bundle.jsonl', media_type: JSONL_TYPE },
  /** Only in the tree of a run without a record. */
  incomplete: { path: 'INCOMPLETE.json', media_type: JSON_TYPE, schema: 'incomplete-tree' },
} as const satisfies Record<string, Artifact>;

/**
 * When an attempt must have a file. `signed`: where the policy asks that results be signed; `baseline`: where the policy
 * asks for a baseline that passes.
 */
type ArtifactNeed = 'observed' | 'output' | 'signed' | 'baseline' | 'optional';

/** One public file of a gate. `<check>` is the name of a check, `<attempt>` the attempt's number. */
export interface PublicArtifact extends Artifact {
  /**
   * `observed`: whenever the attempt has a record; `output`: exactly when the executor gave an output, that is when the
   * verdict is not `blocked`.
   */
  readonly needed: ArtifactNeed;
  /** The first rules version that asks for it; 1 when absent. */
  readonly since?: number;
}

/** The public paths of gates that code names. */
export const GATE_PATHS = {
  /** What the run's checks did on the base commit. */
  baseline: 'evidence/baseline.json',
  context: 'evidence/context.json',
  job: 'job.json',
  plan: 'plan.md',
  planOutput: 'evidence/plan.json',
  patch: 'patch/change.patch',
  patchFiles: 'patch/files.json',
  /** Which line of the plan each file of the patch belongs to. */
  traceability: 'evidence/traceability.json',
  patchSummary: 'patch/summary.md',
  buildOutput: 'patch/summary.json',
  patchJudgement: 'evidence/patch_judgement.json',
  testResults: 'evidence/test_results.json',
  verification: 'evidence/verification.json',
  review: 'review.md',
  reviewOutput: 'evidence/review.json',
} as const;

/** Every public path that a role worker may name, by gate. No record, tree or verifier takes another. */
export const GATE_ARTIFACTS: Readonly<Record<GateId, readonly PublicArtifact[]>> = {
  P00: [
    // Runs of version 2 that ended before there was a baseline have none; where the policy blocks on it, it is needed.
    { path: GATE_PATHS.baseline, media_type: JSON_TYPE, schema: 'baseline', needed: 'baseline', since: 2 },
    { path: GATE_PATHS.context, media_type: JSON_TYPE, schema: 'gate-output-p00', needed: 'output' },
  ],
  P01: [{ path: GATE_PATHS.job, media_type: JSON_TYPE, schema: 'job', needed: 'output' }],
  P03: [
    { path: GATE_PATHS.plan, media_type: MARKDOWN_TYPE, needed: 'output' },
    { path: GATE_PATHS.planOutput, media_type: JSON_TYPE, schema: 'gate-output-p03', needed: 'output' },
  ],
  P05: [
    { path: GATE_PATHS.patch, media_type: 'text/x-patch', needed: 'output' },
    { path: GATE_PATHS.patchFiles, media_type: JSON_TYPE, schema: 'patch-files', needed: 'output' },
    { path: GATE_PATHS.traceability, media_type: JSON_TYPE, schema: 'traceability', needed: 'output', since: 3 },
    { path: GATE_PATHS.patchSummary, media_type: MARKDOWN_TYPE, needed: 'output' },
    { path: GATE_PATHS.buildOutput, media_type: JSON_TYPE, needed: 'output', since: 2 },
    { path: 'evidence/attestations/P05.<attempt>.provenance.dsse.json', media_type: DSSE_TYPE, needed: 'signed' },
  ],
  P06: [
    { path: GATE_PATHS.patchJudgement, media_type: JSON_TYPE, needed: 'observed', since: 2 },
    { path: GATE_PATHS.testResults, media_type: JSON_TYPE, schema: 'test-results', needed: 'observed' },
    { path: 'evidence/checks/<check>.stdout.txt', media_type: TEXT_TYPE, needed: 'observed' },
    { path: 'evidence/checks/<check>.stderr.txt', media_type: TEXT_TYPE, needed: 'observed' },
    { path: 'evidence/checks/<check>.network.json', media_type: JSON_TYPE, schema: 'network-log', needed: 'optional' },
    { path: GATE_PATHS.verification, media_type: JSON_TYPE, schema: 'gate-output-p06', needed: 'output' },
    { path: 'evidence/attestations/P06.<attempt>.test-result.dsse.json', media_type: DSSE_TYPE, needed: 'signed' },
  ],
  P07: [
    { path: GATE_PATHS.review, media_type: MARKDOWN_TYPE, needed: 'output' },
    { path: GATE_PATHS.reviewOutput, media_type: JSON_TYPE, schema: 'gate-output-p07', needed: 'output' },
  ],
};

/** The name of the log of an attempt's findings. */
export const SARIF_FILE = 'findings.sarif';

/** Files of every attempt beside its record, in its own folder. `<try>` is the number of a try. */
export const ATTEMPT_TRANSCRIPTS: readonly Artifact[] = [
  { path: 'try-<try>/prompt.md', media_type: MARKDOWN_TYPE },
  { path: 'try-<try>/stdout.txt', media_type: TEXT_TYPE },
  { path: 'try-<try>/stderr.txt', media_type: TEXT_TYPE },
  { path: 'try-<try>/answer.txt', media_type: TEXT_TYPE },
  { path: 'try-<try>/network.json', media_type: JSON_TYPE, schema: 'network-log' },
  { path: SARIF_FILE, media_type: 'application/sarif+json' },
];

/**
 * Files of an attempt that ended without a record, in its own folder: what the set-up command printed that failed. The ledger names
 * them.
 */
const INTERRUPTION_LOGS: readonly Artifact[] = [
  { path: 'setup/<check>.stdout.txt', media_type: TEXT_TYPE },
  { path: 'setup/<check>.stderr.txt', media_type: TEXT_TYPE },
];

/** A command has two outputs, and an attempt ends with the first command that fails. */
export const MAX_INTERRUPTION_LOGS = INTERRUPTION_LOGS.length;

const PARTS: Readonly<Record<string, string>> = {
  check: '[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}',
  try: '[1-9][0-9]{0,2}',
  gate: 'P[0-9]{2}',
  attempt: '[1-9][0-9]*',
  escalation: '[A-Za-z0-9.]+',
  name: '[^/]+',
};

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  const known = patterns.get(path);
  if (known !== undefined) return known;
  const source = path
    .split(/<(\w+)>/)
    .map((part, index) => (index % 2 === 0 ? part.replace(/[.]/g, '\\.') : (PARTS[part] ?? '(?!)')));
  const pattern = new RegExp(`^${source.join('')}$`);
  patterns.set(path, pattern);
  return pattern;
}

/** A path of the table with its parts filled in. */
export const filledPath = (path: string, parts: Readonly<Record<string, string | number>>): string =>
  path.replace(/<(\w+)>/g, (whole, part: string) => String(parts[part] ?? whole));

const ROWS: readonly Artifact[] = [
  ...Object.values(RUN_ARTIFACTS),
  ...Object.values(GATE_ARTIFACTS).flat(),
  ...ATTEMPT_TRANSCRIPTS,
  ...INTERRUPTION_LOGS,
];

/** In the folder of an attempt everything but its record has the path that it has without the folder. */
const IN_ATTEMPT = /^evidence\/attempts\/[^/]+\/[^/]+\/(?!attempt\.json$)(.+)$/;

/** The row of a path of a tree, or of a path within an attempt; null for a path that no tree has. */
export function artifactOf(path: string): Artifact | null {
  const own = IN_ATTEMPT.exec(path)?.[1] ?? path;
  return ROWS.find((row) => patternOf(row.path).test(own)) ?? null;
}

/** @throws PromptOsError INTERNAL for a path that no tree has */
export function mediaTypeOf(path: string): string {
  const row = artifactOf(path);
  if (row !== null) return row.media_type;
  throw new PromptOsError('INTERNAL', `No file of a run's tree has the path ${path}.`);
}

const ofAttempt = (path: string, attempt: number): string => filledPath(path, { attempt });

/** The row of the table that a public path belongs to; null for a path that the gate may not name. */
export const publicArtifact = (gate: GateId, attempt: number, path: string): PublicArtifact | null =>
  GATE_ARTIFACTS[gate].find((row) => patternOf(ofAttempt(row.path, attempt)).test(path)) ?? null;

/** The row of a transcript; null for a name that no transcript has. */
export const transcriptArtifact = (path: string): Artifact | null =>
  ATTEMPT_TRANSCRIPTS.find((row) => patternOf(row.path).test(path)) ?? null;

/** The row of a log of an attempt without a record; null for a name that none has. */
export const interruptionLog = (path: string): Artifact | null =>
  INTERRUPTION_LOGS.find((row) => patternOf(row.path).test(path)) ?? null;

export interface NeededArtifacts {
  readonly rulesVersion: number;
  readonly hasOutput: boolean;
  /** Whether results must be signed, and the gate has something that a standard attestation is about. */
  readonly signed: boolean;
  /** Whether a check that fails on the base commit blocks. */
  readonly blockingBaseline: boolean;
  readonly checks: readonly string[];
}

/** The public paths that an attempt cannot do without. */
export function neededArtifacts(gate: GateId, attempt: number, needed: NeededArtifacts): readonly string[] {
  const { rulesVersion, hasOutput, signed, blockingBaseline, checks } = needed;
  const applies: Readonly<Record<ArtifactNeed, boolean>> = {
    observed: true,
    output: hasOutput,
    // The provenance is about the patch, which only an output leads to; the test result is about what the engine ran.
    signed: signed && (gate === 'P06' || hasOutput),
    baseline: blockingBaseline,
    optional: false,
  };
  return GATE_ARTIFACTS[gate]
    .filter(({ needed: need, since = 1 }) => applies[need] && since <= rulesVersion)
    .flatMap(({ path }) =>
      path.includes('<check>') ? checks.map((check) => filledPath(path, { check })) : [ofAttempt(path, attempt)],
    );
}
