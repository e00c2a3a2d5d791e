import type { GateId } from './names.js';

/**
 * When an attempt must have a file. `signed`: where the policy asks that results be signed; `baseline`: where the policy
 * asks for a baseline that passes.
 */
type ArtifactNeed = 'observed' | 'output' | 'signed' | 'baseline' | 'optional';

/** One public file of a gate. In a path `<check>` is the name of a check and `<attempt>` the attempt's number. */
export interface PublicArtifact {
  readonly path: string;
  readonly media_type: string;
  /**
   * `observed`: whenever the attempt has a record; `output`: exactly when the executor gave an output, that is when the
   * verdict is not `blocked`.
   */
  readonly needed: ArtifactNeed;
  /** The first rules version that asks for it; 1 when absent. */
  readonly since?: number;
}

const JSON_TYPE = 'application/json';
/** What the run's checks did on the base commit. */
export const BASELINE_PATH = 'evidence/baseline.json';
const DSSE_TYPE = 'application/vnd.dsse.envelope.v1+json';

/** Every public path that a role worker may name, by gate. No record, tree or verifier takes another. */
const GATE_ARTIFACTS: Readonly<Record<GateId, readonly PublicArtifact[]>> = {
  P00: [
    // Runs of version 2 that ended before there was a baseline have none; where the policy blocks on it, it is needed.
    { path: BASELINE_PATH, media_type: JSON_TYPE, needed: 'baseline', since: 2 },
    { path: 'evidence/context.json', media_type: JSON_TYPE, needed: 'output' },
  ],
  P01: [{ path: 'job.json', media_type: JSON_TYPE, needed: 'output' }],
  P03: [
    { path: 'plan.md', media_type: 'text/markdown', needed: 'output' },
    { path: 'evidence/plan.json', media_type: JSON_TYPE, needed: 'output' },
  ],
  P05: [
    { path: 'patch/change.patch', media_type: 'text/x-patch', needed: 'output' },
    { path: 'patch/files.json', media_type: JSON_TYPE, needed: 'output' },
    { path: 'patch/summary.md', media_type: 'text/markdown', needed: 'output' },
    { path: 'patch/summary.json', media_type: JSON_TYPE, needed: 'output', since: 2 },
    { path: 'evidence/attestations/P05.<attempt>.provenance.dsse.json', media_type: DSSE_TYPE, needed: 'signed' },
  ],
  P06: [
    { path: 'evidence/patch_judgement.json', media_type: JSON_TYPE, needed: 'observed', since: 2 },
    { path: 'evidence/test_results.json', media_type: JSON_TYPE, needed: 'observed' },
    { path: 'evidence/checks/<check>.stdout.txt', media_type: 'text/plain', needed: 'observed' },
    { path: 'evidence/checks/<check>.stderr.txt', media_type: 'text/plain', needed: 'observed' },
    { path: 'evidence/verification.json', media_type: JSON_TYPE, needed: 'output' },
    { path: 'evidence/attestations/P06.<attempt>.test-result.dsse.json', media_type: DSSE_TYPE, needed: 'signed' },
  ],
  P07: [
    { path: 'review.md', media_type: 'text/markdown', needed: 'output' },
    { path: 'evidence/review.json', media_type: JSON_TYPE, needed: 'output' },
  ],
};

/** Files of every attempt beside its record, in its own folder. `<try>` is the number of a try. */
const ATTEMPT_TRANSCRIPTS: readonly { readonly path: string; readonly media_type: string }[] = [
  { path: 'try-<try>/prompt.md', media_type: 'text/markdown' },
  { path: 'try-<try>/stdout.txt', media_type: 'text/plain' },
  { path: 'try-<try>/stderr.txt', media_type: 'text/plain' },
  { path: 'try-<try>/answer.txt', media_type: 'text/plain' },
  { path: 'findings.sarif', media_type: 'application/sarif+json' },
];

/** What may stand for a part of a pattern. */
const PARTS: Readonly<Record<string, string>> = {
  check: '[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}',
  try: '[1-9][0-9]{0,2}',
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

const ofAttempt = (path: string, attempt: number): string => path.replace('<attempt>', String(attempt));

/** The row of the table that a public path belongs to; null for a path that the gate may not name. */
export const publicArtifact = (gate: GateId, attempt: number, path: string): PublicArtifact | null =>
  GATE_ARTIFACTS[gate].find((row) => patternOf(ofAttempt(row.path, attempt)).test(path)) ?? null;

/** The row of a transcript; null for a name that no transcript has. */
export const transcriptArtifact = (path: string): { readonly media_type: string } | null =>
  ATTEMPT_TRANSCRIPTS.find((row) => patternOf(row.path).test(path)) ?? null;

/** What an attempt's record must list. */
export interface NeededArtifacts {
  readonly rulesVersion: number;
  /** Whether the executor gave an output. */
  readonly hasOutput: boolean;
  /** Whether results must be signed, and the gate has something that a standard attestation is about. */
  readonly signed: boolean;
  /** Whether a check that fails on the base commit blocks. */
  readonly blockingBaseline: boolean;
  /** Names of the checks that were to run. */
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
      path.includes('<check>') ? checks.map((check) => path.replace('<check>', check)) : [ofAttempt(path, attempt)],
    );
}
