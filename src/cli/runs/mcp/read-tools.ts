import { z } from 'zod';
import { ATTEMPT_TRANSCRIPTS, artifactOf, SARIF_FILE } from '../../../contracts/artifacts.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { GATE_IDS, GATES } from '../../../contracts/names.js';
import type { Policy } from '../../../contracts/policy/policy.js';
import { sha256Schema } from '../../../contracts/primitives.js';
import type { LedgerEntry } from '../../../contracts/run/ledger.js';
import type { RunStatus } from '../../../contracts/run/run-status.js';
import { attemptFiles, interruptionFiles } from '../../../domain/record/published-tree.js';
import { attemptHistories } from '../../../domain/run/attempt-history.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { awaitedPeople } from '../../app/journalled-run.js';
import { projectPolicies } from '../../app/project.js';
import { openRuns } from '../../app/select-run.js';
import { readRunPolicy } from '../../keys/signing.js';
import { readPart } from '../read/file-part.js';
import { type OpenedRuns, withRuns } from '../read/governed-runs.js';
import { withPublishedOrLive } from '../read/open-run.js';
import { findRun, recordsOfAttempts, startFiles } from '../read/stored-parts.js';
import { ledgerOfRun, readStatus, runArgument, statusOfRun } from './run-facts.js';
import { defineTool, type McpSession, type McpTool, READS } from './tool.js';

/** Runs that one call lists at the most. */
const MOST_RUNS = 20;

const gateName = z.enum(GATE_IDS);

const work = z.object({
  kind: z.enum(['gate', 'decision', 'resolution']),
  gate: gateName.nullable(),
  how: z.string(),
});

const BY_WORKER = 'nothing to do here: a worker carries the gate out with the executor of this principal';
const BY_HAND = 'the gate is handed off to this principal: open_gate claims it and gives its prompt';

/** What a run waits for that the principal can give. */
function workOf(
  status: RunStatus,
  { roles }: Pick<Policy, 'roles'>,
  principal: string,
): readonly z.input<typeof work>[] {
  const { run_id, gates } = status;
  const own = gates.filter(({ gate, state }) => state === 'running' && roles[GATES[gate].role] === principal);
  const how = ({ handed_off }: (typeof own)[number]) => (handed_off === undefined ? BY_WORKER : BY_HAND);
  const answers = awaitedPeople(status).filter(({ of }) => of.includes(principal));
  return [
    ...own.map((gate) => ({ kind: 'gate' as const, gate: gate.gate, how: how(gate) })),
    ...answers.map(({ kind, gate }) => ({
      ...{ kind, gate },
      how: `a person decides outside of MCP: promptos ${kind === 'decision' ? 'approve' : 'resolve'} ${run_id}`,
    })),
  ];
}

const listRuns = defineTool({
  name: 'list_runs',
  title: 'List open runs',
  description:
    'Lists the open runs of this repository in which this principal has something to do, the newest first; with "all" the other open runs too.',
  annotations: READS,
  input: z.strictObject({ all: z.boolean().default(false).describe('every open run of the repository') }),
  output: z.object({
    principal: z.string(),
    runs: z.array(
      z.object({
        run_id: z.string(),
        target_repo: z.string().nullable(),
        developer: z.string(),
        started_at: z.string(),
        to_do: z.array(work),
      }),
    ),
    more: z.boolean().describe('whether there are more open runs than were looked at'),
  }),
  run: async ({ context, principal, key }, { all }) =>
    withRuns(
      context,
      async (opened) => {
        const open = await openRuns(opened);
        const policies = await projectPolicies(opened.project);
        const runs = [];
        for (const { run_id, target_repo, started_at } of open.slice(0, MOST_RUNS)) {
          const status = await readStatus(opened, run_id);
          const policy = await readRunPolicy(opened.store, status.policy_sha256, policies);
          const to_do = [...workOf(status, policy, principal)];
          if (!all && to_do.length === 0) continue;
          const { developer } = status;
          runs.push({ run_id, target_repo, developer, started_at: started_at.toISOString(), to_do });
        }
        return { principal, runs, more: open.length > MOST_RUNS };
      },
      { key },
    ),
});

const getRun = defineTool({
  name: 'get_run',
  title: 'Show a run',
  description:
    'Shows a run: its gates with verdicts and findings, what it waits for and from whom, how it ended. The same facts as `promptos run status --json`.',
  annotations: READS,
  input: z.strictObject({ run: runArgument }),
  output: z.object({
    status: z.looseObject({
      run_id: z.string(),
      phase: z.enum(['new', 'open', 'closed']),
      outcome: z.string().nullable(),
      developer: z.string(),
      target_repo: z.string(),
      base_commit: z.string(),
      gates: z.array(
        z.looseObject({ gate: gateName, state: z.string(), attempt: z.int(), verdict: z.string().nullable() }),
      ),
      awaiting: z.array(z.looseObject({ kind: z.enum(['decision', 'resolution']), request_id: z.string() })),
    }),
  }),
  run: async (session, { run }) => ({ status: await statusOfRun(session, run) }),
});

/** Entries and bytes of a ledger that one call gives at the most. */
const [MOST_ENTRIES, MOST_LEDGER_BYTES] = [200, 48 * 1024];

const DECISIONS: readonly string[] = [
  'decisionRequested',
  'decisionCounted',
  'escalationOpened',
  'escalationResolved',
  'cancellationCounted',
  'refused',
];

const readLedger = defineTool({
  name: 'read_ledger',
  title: 'Read the ledger of a run',
  description:
    'Reads what has happened in a run so far, in order: gates, requests, decisions with their reasons, escalations, refusals. With "only": "decisions" what people were asked and said. A long ledger comes in parts: go on with after = next_after.',
  annotations: READS,
  input: z.strictObject({
    run: runArgument,
    only: z.enum(['everything', 'decisions']).default('everything'),
    after: z.int().min(-1).default(-1).describe('entries after this sequence number'),
    limit: z.int().min(1).max(MOST_ENTRIES).default(50),
  }),
  output: z.object({
    run_id: z.string(),
    entries: z.array(z.looseObject({ seq: z.int(), at: z.string(), type: z.string() })),
    next_after: z.int().nullable().describe('null when the last entry is among them'),
  }),
  run: async (session, { run, only, after, limit }) => {
    const { run_id, entries: all } = await ledgerOfRun(session, run);
    const wanted = all.filter(({ seq, type }) => seq > after && (only === 'everything' || DECISIONS.includes(type)));
    const entries: LedgerEntry[] = [];
    let bytes = 0;
    for (const entry of wanted.slice(0, limit)) {
      bytes += JSON.stringify(entry).length;
      if (entries.length > 0 && bytes > MOST_LEDGER_BYTES) break;
      entries.push(entry);
    }
    const last = wanted[entries.length - 1]?.seq ?? null;
    return { run_id, entries, next_after: entries.length < wanted.length ? last : null };
  },
});

export const STATUS_TOOLS: readonly McpTool[] = [listRuns, getRun, readLedger];

/** Bytes that one call gives unless it asks for less or more, and the most that it gives: a model reads all of it. */
const [USUAL_BYTES, MOST_BYTES] = [16_384, 65_536];

const fileFields = {
  path: z.string().describe('its place in the published tree of the run'),
  media_type: z.string(),
  sha256: sha256Schema,
};

const listArtifacts = defineTool({
  name: 'list_artifacts',
  title: 'List the artifacts of a run',
  description:
    'Lists the files of a run: request, policy, plan, patch, test results, review, findings, signed statements. What no longer counts is below evidence/attempts/. Prompts and printed output of other executors are not among them.',
  annotations: READS,
  input: z.strictObject({ run: runArgument }),
  output: z.object({
    run_id: z.string(),
    artifacts: z.array(
      z.object({
        ...fileFields,
        bytes: z.int().nonnegative().nullable().describe('null where the run has not ended and the size is not known'),
      }),
    ),
  }),
  run: async (session, { run }) => {
    const { run_id, files } = await filesOfRun(session, run);
    const artifacts = files.map(({ path, media_type, sha256, bytes }) => ({ path, media_type, sha256, bytes }));
    return { run_id, artifacts };
  },
});

const readArtifact = defineTool({
  name: 'read_artifact',
  title: 'Read an artifact of a run',
  description:
    'Reads one file that list_artifacts names, from the store, checked against its digest. Text comes as text, anything else as base64. A long file comes in parts: go on at next_offset.',
  annotations: READS,
  input: z.strictObject({
    run: runArgument,
    path: z.string().min(1).max(1_000).describe('a path of list_artifacts'),
    offset: z.int().nonnegative().default(0).describe('the first byte wanted'),
    max_bytes: z.int().min(1).max(MOST_BYTES).default(USUAL_BYTES).describe('the most bytes wanted'),
  }),
  output: z.object({
    run_id: z.string(),
    ...fileFields,
    bytes: z.int().nonnegative().describe('of the whole file'),
    offset: z.int().nonnegative(),
    next_offset: z.int().positive().nullable().describe('where the next part begins; null at the end of the file'),
    encoding: z.enum(['utf8', 'base64']),
    content: z.string(),
  }),
  run: async (session, { run, path, offset, max_bytes }) => {
    const found = await filesOfRun(session, run);
    const { media_type, sha256 } = requireFile(found, path);
    const { bytes, total } = await readPart(found.store, sha256, offset, max_bytes);
    const { encoding, content, length } = decoded(bytes, offset + bytes.byteLength < total);
    const end = offset + length;
    const next_offset = end < total ? end : null;
    return { run_id: found.run_id, path, media_type, sha256, bytes: total, offset, next_offset, encoding, content };
  },
});

/** Bytes of a UTF-8 character at the most. */
const CHARACTER_BYTES = 4;

/** Bytes as text, without the beginning of a character that goes on behind them; as base64 when they are no text. */
function decoded(bytes: Uint8Array, goesOn: boolean) {
  for (let cut = 0; cut < CHARACTER_BYTES; cut += 1) {
    const length = bytes.byteLength - cut;
    const content = textOf(bytes.subarray(0, length));
    if (content !== null) return { encoding: 'utf8' as const, content, length };
    if (!goesOn || length <= 1) break;
  }
  return { encoding: 'base64' as const, content: Buffer.from(bytes).toString('base64'), length: bytes.byteLength };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

export const ARTIFACT_TOOLS: readonly McpTool[] = [listArtifacts, readArtifact];

/** A file of a run, in the place that it has in the published tree. */
interface RunFile {
  readonly path: string;
  readonly media_type: string;
  readonly sha256: string;
  /** Null where the run has not ended and only the digest is known. */
  readonly bytes: number | null;
}

/** The files of a run, and the store that has them. */
interface RunFiles {
  readonly run_id: string;
  readonly store: ArtifactStore;
  readonly files: readonly RunFile[];
}

/**
 * Whether a file is what another executor was asked, or what it printed. A principal that does a gate is judged on its own
 * work, and judges with the inputs of its gate alone: it is not shown how the others came to theirs.
 */
function isTranscript(path: string): boolean {
  const row = artifactOf(path);
  return row !== null && row.path !== SARIF_FILE && ATTEMPT_TRANSCRIPTS.includes(row);
}

/** The files of the requested run. @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS */
const filesOfRun = ({ context }: McpSession, given: string): Promise<RunFiles> =>
  withPublishedOrLive(context, given, {
    published: async (store, { run_id }) => ({ run_id, store, files: await publishedFiles(store, run_id) }),
    live: async (session, { run_id }) => ({ run_id, store: session.store, files: await liveFiles(session, run_id) }),
  });

const publishedFiles = async (store: ArtifactStore, runId: string): Promise<readonly RunFile[]> =>
  ((await store.published(runId)) ?? []).filter(({ path }) => !isTranscript(path));

async function liveFiles(session: OpenedRuns, runId: string): Promise<readonly RunFile[]> {
  const { store, runs, temporal } = session;
  if ((await store.published(runId)) !== null) return publishedFiles(store, runId);
  const found = await findRun(store, { client: temporal.client, runs }, runId);
  const counting = new Set(
    attemptHistories(found.entries).flatMap(({ standing, output_sha256 }) =>
      standing === 'voided' || output_sha256 === null ? [] : [output_sha256],
    ),
  );
  // A record that is not in the store yet is one that a later call lists.
  const records = await recordsOfAttempts(found, store, () => undefined);
  const attempts = records.flatMap((one) => attemptFiles({ ...one, valid: counting.has(one.sha256) }));
  const start = (await startFiles(found, store)).map((file) => ({ ...file, bytes: null }));
  const files = [...start, ...attempts, ...interruptionFiles(found.entries)];
  return files.filter(({ path }) => !isTranscript(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @throws PromptOsError ARTIFACT_NOT_FOUND */
function requireFile({ run_id, files }: RunFiles, path: string): RunFile {
  const found = files.find((file) => file.path === path);
  if (found !== undefined) return found;
  if (isTranscript(path)) {
    throw new PromptOsError('ARTIFACT_NOT_FOUND', `${path} is a transcript, which the MCP server does not show.`, {
      hint: 'A person reads it with `promptos run logs`.',
    });
  }
  throw new PromptOsError('ARTIFACT_NOT_FOUND', `Run ${run_id} has no artifact ${JSON.stringify(path)}.`);
}
