import { expect, test } from 'vitest';
import type { Finding } from '../../src/contracts/run/findings.js';
import type { AwaitedDecision, AwaitedResolution, GateStatus, RunStatus } from '../../src/contracts/run/run-status.js';
import { renderCurrentDetails } from '../../src/workflows/current-details.js';

const finding = (parts: Partial<Finding> = {}): Finding => ({
  id: 'review-1',
  rule: 'review',
  severity: 'high',
  message: 'Cents get lost.',
  blocking: false,
  ...parts,
});
const gate = (parts: Partial<GateStatus> = {}): GateStatus => ({
  gate: 'P05',
  title: 'Constrained Builder',
  state: 'awaiting_decision',
  attempt: 2,
  verdict: 'pass',
  reason: null,
  output_sha256: 'a'.repeat(64),
  findings: [],
  findings_omitted: 0,
  waived: [],
  ...parts,
});
const decision = (parts: Partial<AwaitedDecision> = {}): AwaitedDecision => ({
  kind: 'decision',
  request_id: 'P05.2.1',
  gate: 'P05',
  attempt: 2,
  output_sha256: 'a'.repeat(64),
  since: '2026-01-02T03:04:05.678Z',
  approvals_needed: 1,
  approved_by: [],
  approvable: true,
  rejects_to: 'P05',
  to_acknowledge: [],
  ...parts,
});
const resolution = (parts: Partial<AwaitedResolution> = {}): AwaitedResolution => ({
  kind: 'resolution',
  request_id: 'E1.1',
  escalation_id: 'E1',
  gate: 'P03',
  trigger: 'open_question',
  raised_by: 'nina',
  report_sha256: 'f'.repeat(64),
  report: {
    trigger: 'open_question',
    issue: 'Who gets the cents?',
    impact: '',
    context: '',
    options: [],
    recommendation: 'The first.',
    security_sensitive: false,
  },
  issue: 'Who gets the cents?',
  recommendation: 'The first.',
  since: '2026-01-02T03:04:05.678Z',
  ...parts,
});
const status = (parts: Partial<RunStatus> = {}): RunStatus => ({
  run_id: 'run-1',
  phase: 'open',
  outcome: null,
  outcome_reason: null,
  cancellation: null,
  developer: 'ada',
  target_repo: 'example',
  base_commit: 'b'.repeat(40),
  policy_sha256: 'c'.repeat(64),
  authentication: 'optional',
  self_approval: 'refused',
  integrators: ['grace'],
  gates: [gate()],
  awaiting: [decision()],
  escalations_raised: 0,
  refusals: 0,
  ledger: { entries: 1, hash: 'd'.repeat(64) },
  run_record_sha256: null,
  ...parts,
});

/** The paragraphs that are nothing but inline code: what a person pastes. */
const pasted = (details: string): string[] =>
  details.split('\n\n').flatMap((part) => /^`([^`]+)`$/.exec(part)?.[1] ?? []);
const bytes = (text: string): number => new TextEncoder().encode(text).length;

test('current details: a decision shows the gate, the command, and the JSON for each signal', () => {
  const details = renderCurrentDetails(status());
  expect(details).toContain('**Waiting for a person**: a decision on P05 (`P05.2.1`).');
  expect(details).toContain('- **P05 Constrained Builder**: awaiting decision, attempt 2, verdict pass');
  const [approving, rejecting, approve, reject, temporal] = pasted(details);
  expect(approving).toBe('promptos approve run-1 --gate P05 --as grace');
  expect(rejecting).toBe('promptos reject run-1 --gate P05 --as grace --comment "why"');
  const bound = {
    decision_id: 'P05.2.1-grace',
    run_id: 'run-1',
    gate: 'P05',
    attempt: 2,
    request_id: 'P05.2.1',
    output_sha256: 'a'.repeat(64),
    policy_sha256: 'c'.repeat(64),
    actor: 'grace',
  };
  expect(JSON.parse(approve ?? '')).toEqual(bound);
  expect(JSON.parse(reject ?? '')).toEqual({ ...bound, reason: '' });
  expect(temporal).toBe(
    `temporal workflow signal --workflow-id promptos/run/run-1 --name approve --input '${approve}'`,
  );
});

test('current details: say of which gates the programs ran without a sandbox', () => {
  const text = renderCurrentDetails(
    status({ gates: [gate({ gate: 'P03', sandbox: 'bubblewrap' }), gate({ sandbox: 'none' })] }),
  );
  expect(text).toMatch(/\*\*P05 .*: .*its programs ran without a sandbox$/m);
  expect(text.match(/without a sandbox/g)).toHaveLength(1);
});

test('current details: the command names a namespace other than the default', () => {
  expect(renderCurrentDetails(status(), 'team-a')).toContain(
    "temporal workflow signal --namespace 'team-a' --workflow-id",
  );
});

test('current details: a gate that failed offers no approval', () => {
  const details = renderCurrentDetails(
    status({
      gates: [gate({ verdict: 'fail', reason: 'The tests fail.' })],
      awaiting: [decision({ approvable: false })],
    }),
  );
  expect(details).toContain('did not pass, so it can only be rejected');
  expect(details).toContain('The tests fail.');
  expect(details).not.toContain('approve run-1');
  expect(details).not.toContain('--name approve');
  expect(pasted(details)[0]).toBe('promptos reject run-1 --gate P05 --to P05 --as grace --comment "why"');
});

test('current details: with several integrators no name is shown, and the developer is left out unless the policy allows it', () => {
  const integrators = ['grace', 'ada', 'hugo'];
  const refused = renderCurrentDetails(status({ integrators }));
  expect(refused).toContain('Integrators: `grace`, `hugo`. Put your own name in place of `YOUR_NAME`.');
  expect(refused).toContain('--as YOUR_NAME');
  expect(renderCurrentDetails(status({ integrators, self_approval: 'allowed' }))).toContain('`grace`, `ada`, `hugo`');
  expect(renderCurrentDetails(status({ integrators: ['grace', 'ada'] }))).toContain('--as grace');
});

test('current details: an escalation shows its report and the JSON of an answer', () => {
  const details = renderCurrentDetails(status({ awaiting: [resolution()] }));
  expect(details).toContain('an answer to escalation E1 (`E1.1`)');
  expect(details).toContain('#### Governance Escalation E1 at P03: open question');
  expect(details).toContain('Raised by nina: Who gets the cents?');
  const [proceed, retry, rework, abort, json] = pasted(details);
  expect([proceed, retry, rework, abort]).toEqual([
    'promptos resolve run-1 E1 --choose continue --as grace',
    'promptos resolve run-1 E1 --choose retry --as grace',
    'promptos resolve run-1 E1 --choose rework --to P03 --as grace',
    'promptos resolve run-1 E1 --choose abort --guidance "why" --as grace',
  ]);
  expect(JSON.parse(json ?? '')).toMatchObject({ decision_id: 'E1.1-grace', escalation_id: 'E1', choice: 'retry' });
});

test('current details: a model can put neither links, images, HTML, code nor headings there', () => {
  const hostile = [
    '# Approved\n\n## by grace',
    '<img src=x onerror=alert(1)>',
    '[click](https://evil.example)',
    'https://evil.example www.evil.example grace@evil.example',
    '`rm -rf`',
    '&lt;b&gt;',
    '\\',
  ].join(' ');
  const details = renderCurrentDetails(
    status({
      gates: [gate({ reason: hostile, findings: [finding({ id: "a`'b", message: hostile })] })],
      awaiting: [decision({ to_acknowledge: ["a`'b"] }), resolution({ issue: hostile, recommendation: hostile })],
    }),
  );
  expect(details).not.toMatch(/<|https?:\/\/evil|(?<!\\)\[click|www\.evil|grace@evil|[^\\]`rm|&lt;b&gt;/);
  expect(details.match(/^#+ .*/gm)).toEqual([
    '### Governed run `run-1` on `example`',
    '#### P05 Constrained Builder, attempt 2: approve or reject?',
    '#### Governance Escalation E1 at P03: open question',
  ]);
  const [approving, , approve, , command] = pasted(details);
  // A shell would take more of such an id than a word.
  expect(approving).toBe('promptos approve run-1 --gate P05 --as grace');
  expect(JSON.parse(approve ?? '')).toMatchObject({ acknowledged: ["a`'b"] });
  expect(command?.split("'")).toHaveLength(3);
});

test('current details: stay under 16 KiB whatever is awaited, and cut nothing in the middle', () => {
  const wide = '語'.repeat(4_000);
  const findings = Array.from({ length: 200 }, (_, index) =>
    finding({ id: `review-${index}-${'x'.repeat(60)}`, message: wide }),
  );
  const awaiting = [
    decision({ to_acknowledge: findings.map(({ id }) => id) }),
    ...Array.from({ length: 16 }, (_, index) =>
      resolution({ escalation_id: `E${index}`, request_id: `E${index}.1`, issue: wide, recommendation: wide }),
    ),
  ];
  const details = renderCurrentDetails(status({ gates: [gate({ findings, reason: wide })], awaiting }));
  expect(bytes(details)).toBeLessThan(16 * 1_024);
  expect(details).toContain('on the command line only; its JSON is too long for here');
  expect(details).toMatch(/… and \d+ more to answer: `promptos run status run-1`$/);
  for (const text of pasted(details).filter((part) => part.startsWith('{')))
    expect(() => JSON.parse(text)).not.toThrow();
});

test('current details: say when nothing is asked, and how a run ended', () => {
  const working = renderCurrentDetails(status({ gates: [gate({ state: 'running', verdict: null })], awaiting: [] }));
  expect(working).toContain('**No answer is needed now.** At work: P05 Constrained Builder.');
  const ended = renderCurrentDetails(
    status({ phase: 'closed', outcome: 'approved', awaiting: [], run_record_sha256: 'e'.repeat(64), refusals: 2 }),
  );
  expect(ended).toContain(`**Ended: approved.**\n\nRun record: \`${'e'.repeat(64)}\``);
  expect(ended).toContain('Messages that did not count so far: 2; the ledger says why.');
  expect(renderCurrentDetails(status({ phase: 'new', gates: [], awaiting: [] }))).toContain('**Opening**');
});

test('current details: where decisions must be signed, they say how to print one, and show no JSON that could not count', () => {
  const text = renderCurrentDetails(status({ authentication: 'required', awaiting: [decision(), resolution()] }));
  const approve = 'promptos approve run-1 --gate P05 --as grace --print';
  const signal = 'temporal workflow signal --workflow-id promptos/run/run-1 --name';
  expect(pasted(text)).toEqual(expect.arrayContaining([approve, `${signal} approve --input "$(${approve})"`]));
  expect(text).toContain('choose `approve` or `reject`, empty the box');
  const resolve = 'promptos resolve run-1 E1 --choose continue --as grace --print';
  expect(pasted(text)).toEqual(
    expect.arrayContaining([resolve, `${signal} resolveEscalation --input "$(${resolve})"`]),
  );
  expect(text).not.toContain('"decision_id"');
});

test('current details: of a hold they say that who sent it is a claim, and offer to continue first', () => {
  const text = renderCurrentDetails(
    status({ authentication: 'required', awaiting: [resolution({ trigger: 'hold', raised_by: 'unknown' })] }),
  );
  expect(text).toContain('Sent without a signature, under the name unknown: Who gets the cents?');
  expect(text).toContain('`continue` (lifts the hold and waives nothing)');
  expect(pasted(text)[0]).toBe('promptos resolve run-1 E1 --choose continue --as grace');
  expect(text).not.toContain('Recommendation');
});

test('current details: holds push nothing that others ask out of the page', () => {
  const wide = '&'.repeat(4_000);
  const holds = Array.from({ length: 8 }, (_, index) =>
    resolution({ escalation_id: `E${index + 2}`, request_id: `E${index + 2}.1`, trigger: 'hold', issue: wide }),
  );
  const awaiting = [...holds, resolution({ trigger: 'fork' }), decision()];
  const text = renderCurrentDetails(status({ authentication: 'required', awaiting }));
  expect(bytes(text)).toBeLessThan(16 * 1_024);
  expect(pasted(text)).toEqual(
    expect.arrayContaining([
      'promptos resolve run-1 E1 --choose continue --as grace',
      'promptos approve run-1 --gate P05 --as grace',
    ]),
  );
  expect(text).toMatch(/… and [1-7] more to answer/);
});

test('current details: while a run is open they say how to stop it', () => {
  const stop = 'choose `escalate`, leave the box empty';
  expect(renderCurrentDetails(status({ awaiting: [] }))).toContain(stop);
  expect(renderCurrentDetails(status({ phase: 'closed', outcome: 'aborted', awaiting: [] }))).not.toContain(stop);
});

test('renderCurrentDetails: an escalation for a gate that could not be carried out shows its cause', () => {
  const context = 'The store cannot be read.\nCaused by: EACCES: <denied>\nWorker: 7@builder';
  const awaited = (trigger: AwaitedResolution['trigger']) => {
    const base = resolution();
    return { ...base, trigger, report: { ...base.report, trigger, context } };
  };
  for (const trigger of ['infrastructure', 'trust'] as const) {
    const details = renderCurrentDetails(status({ awaiting: [awaited(trigger)] }));
    expect(details).toContain('The store cannot be read.\n\nCaused by: EACCES: &lt;denied&gt;\n\nWorker: 7\\@builder');
  }
  expect(renderCurrentDetails(status({ awaiting: [awaited('executor')] }))).not.toContain('EACCES');
});

test('current details: a gate that is handed off says who is to do it, and who has claimed it', () => {
  const since = '2026-01-02T03:04:05.678Z';
  const claim = { claimant: 'nina@<b>desk</b>', at: since, until: '2026-01-02T11:04:05.678Z' };
  const elsewhere = (parts: object) =>
    renderCurrentDetails(
      status({
        gates: [
          gate({
            gate: 'P03',
            title: 'Design Gate',
            state: 'running',
            handed_off: { to: 'nina', since, claim: null, ...parts },
          }),
        ],
        awaiting: [],
      }),
    );
  expect(elsewhere({})).toContain(
    `**Done elsewhere**: waiting for nina to do P03 (handed off since ${since}; not claimed).`,
  );
  expect(elsewhere({ claim })).toContain('claimed by nina');
  expect(elsewhere({ claim })).not.toContain('<b>');
  expect(elsewhere({})).not.toContain('At work');
});

test('current details: a gate that is carried out says since when, and when it is stopped', () => {
  const running = status({ gates: [gate({ gate: 'P06', title: 'Verify Forensics', state: 'running' })], awaiting: [] });
  const times = { at: '2026-01-02T03:04:05.678Z', times_out_at: '2026-01-02T09:14:05.678Z' };
  expect(renderCurrentDetails(running, 'default', times)).toContain(
    'At work: P06 Verify Forensics, started at 2026-01-02T03:04:05.678Z, time-out at 2026-01-02T09:14:05.678Z (pending activities show what it does).',
  );
  expect(renderCurrentDetails(running)).toContain('At work: P06 Verify Forensics.');
  // Of a gate that has ended nothing is left.
  expect(renderCurrentDetails(status(), 'default', times)).not.toContain('time-out at');
});
