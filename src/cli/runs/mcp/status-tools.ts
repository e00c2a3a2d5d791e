import { z } from 'zod';
import { GATE_IDS, GATES } from '../../../contracts/names.js';
import type { Policy } from '../../../contracts/policy/policy.js';
import type { LedgerEntry } from '../../../contracts/run/ledger.js';
import type { RunStatus } from '../../../contracts/run/run-status.js';
import { awaitedPeople } from '../../app/journalled-run.js';
import { projectPolicies } from '../../app/project.js';
import { openRuns } from '../../app/select-run.js';
import { readRunPolicy } from '../../keys/signing.js';
import { withRuns } from '../read/governed-runs.js';
import { ledgerOfRun, readStatus, runArgument, statusOfRun } from './run-facts.js';
import { defineTool, type McpTool, READS } from './tool.js';

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
const [MOST_ENTRIES, MOST_BYTES] = [200, 48 * 1024];

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
      if (entries.length > 0 && bytes > MOST_BYTES) break;
      entries.push(entry);
    }
    const last = wanted[entries.length - 1]?.seq ?? null;
    return { run_id, entries, next_after: entries.length < wanted.length ? last : null };
  },
});

export const STATUS_TOOLS: readonly McpTool[] = [listRuns, getRun, readLedger];
