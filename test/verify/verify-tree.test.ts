import { beforeAll, describe, expect, test } from 'vitest';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import type { LedgerEvent } from '../../src/contracts/run/ledger.js';
import type { TreeEntry } from '../../src/ports/tree-reader.js';
import type { VerifyTrust } from '../../src/verify/trust.js';
import { CHECKS, type CheckOutcome, judgeTree } from '../../src/verify/verify-tree.js';
import { Forgery } from './forgery.js';
import { type GenuineRun, genuineRun, makeKeys } from './genuine-run.js';
import { memoryTree } from './memory-tree.js';

let genuine: GenuineRun;
let unsigned: GenuineRun;

beforeAll(async () => {
  const keys = makeKeys();
  genuine = await genuineRun({ keys });
  unsigned = await genuineRun({ keys, signing: 'none', runId: 'another-run' });
});

const trusted = (run = genuine): VerifyTrust => ({ policies: [run.policy] });
const failed = ({ outcomes }: { readonly outcomes: readonly CheckOutcome[] }) =>
  outcomes.filter(({ status }) => status === 'failed').map(({ check, failure }) => `${check}: ${failure?.code}`);

describe('a genuine tree', () => {
  test('is verified, every check done, nothing remarked', async () => {
    const verdict = await judgeTree(memoryTree(genuine.files), trusted());
    expect(failed(verdict)).toEqual([]);
    expect(verdict.verified).toBe(true);
    expect(verdict.remarks).toEqual([]);
    expect(verdict.outcomes.map(({ check }) => check)).toEqual(
      Object.keys(CHECKS).filter((check) => check !== 'promptos_policy'),
    );
  });

  test('says loudly that it vouches for itself when no policy is handed in', async () => {
    const { verified, remarks } = await judgeTree(memoryTree(genuine.files), { policies: [] });
    expect(verified).toBe(true);
    expect(remarks).toEqual([expect.stringContaining('vouches for itself')]);
  });

  test('of an optional policy is verified unsigned, and marked as unsigned', async () => {
    const verdict = await judgeTree(memoryTree(unsigned.files), trusted(unsigned));
    expect(failed(verdict)).toEqual([]);
    expect(verdict.remarks.map((remark) => remark.split(':')[0])).toEqual([
      'unauthenticated',
      'unauthenticated',
      'unsealed',
      'unsigned',
    ]);
  });

  test('of programs without a sandbox is verified, and says so', async () => {
    const run = await genuineRun({ story: 'straight', sandbox: 'none' });
    const verdict = await judgeTree(memoryTree(run.files), trusted(run));
    expect(failed(verdict)).toEqual([]);
    expect(verdict.remarks).toEqual([
      "sandbox: none for P00, P01, P03, P05, P06, P07 and the checks, so their programs could read and change whatever the worker's account can",
    ]);
  });

  test('of a cancelled run is verified', async () => {
    const run = await genuineRun({ story: 'cancelled' });
    expect(failed(await judgeTree(memoryTree(run.files), trusted(run)))).toEqual([]);
  });
});

interface Broken {
  readonly trust?: VerifyTrust;
  readonly kinds?: Readonly<Record<string, TreeEntry['kind']>>;
}

type Case = readonly [name: string, code: string, breaks: (tree: Forgery) => Broken | Forgery];

const RECORD = 'run_record.json';
const LEDGER = 'evidence/ledger.jsonl';
const without =
  (drop: (event: LedgerEvent) => boolean) =>
  <T extends LedgerEvent>(events: T[]): T[] => {
    const at = events.findIndex(drop);
    return events.filter((_, index) => index !== at);
  };

/** The genuine policy with one more line changed: other bytes, so another policy. */
const otherPolicy = (change: (text: string) => string): VerifyTrust => ({
  policies: [genuine.policy, parsePolicyBytes(Buffer.from(change(genuine.policyText)))],
});

const CASES: readonly Case[] = [
  ['a link', 'LINK_IN_TREE', () => ({ kinds: { 'plan.md': 'link' } })],
  ['a pipe', 'SPECIAL_FILE', () => ({ kinds: { 'plan.md': 'special' } })],
  ['a control character in a path', 'PATH_UNSAFE', (tree) => tree.put('a\u0001b', '')],
  ['a path in another Unicode form', 'PATH_UNSAFE', (tree) => tree.put('u\u0308.md', '')],
  ['a path that differs in case', 'PATH_CLASH', (tree) => tree.put('Job.json', '{}')],
  ['a folder that differs in case', 'PATH_CLASH', (tree) => tree.put('Evidence/x.json', '{}')],
  ['an extra file', 'FILE_UNEXPECTED', (tree) => tree.put('evidence/more.txt', 'hello')],
  ['an empty folder', 'FILE_UNEXPECTED', (tree) => ({ ...tree.put('void', ''), kinds: { void: 'empty_folder' } })],
  [
    'a missing file',
    'FILE_MISSING',
    (tree) => {
      tree.files.delete('plan.md');
      return tree;
    },
  ],
  [
    'no record',
    'FILE_MISSING',
    (tree) => {
      tree.files.delete(RECORD);
      return tree;
    },
  ],
  ['an edited plan', 'DIGEST_MISMATCH', (tree) => tree.edit('plan.md', (text) => `${text}\nAnd more.\n`)],
  [
    'an edited patch',
    'DIGEST_MISMATCH',
    (tree) => tree.edit('patch/change.patch', (text) => text.replace('right', 'r1ght')),
  ],
  ['a byte order mark', 'JSON_MALFORMED', (tree) => tree.edit(RECORD, (text) => `\uFEFF${text}`)],
  ['something behind the record', 'JSON_MALFORMED', (tree) => tree.edit(RECORD, (text) => `${text}{}`)],
  ['a space behind the record', 'JSON_NOT_STRICT', (tree) => tree.edit(RECORD, (text) => `${text} `)],
  ['CRLF in the record', 'JSON_NOT_STRICT', (tree) => tree.edit(RECORD, (text) => text.replaceAll('\n', '\r\n'))],
  [
    'a key twice',
    'JSON_NOT_STRICT',
    (tree) =>
      tree.edit(RECORD, (text) =>
        text.replace('"outcome": "approved",', '"outcome": "rejected",\n  "outcome": "approved",'),
      ),
  ],
  [
    '1.0 for 1',
    'JSON_NOT_STRICT',
    (tree) => tree.edit(RECORD, (text) => text.replace('"schema_version": 1,', '"schema_version": 1.0,')),
  ],
  ['a field too many', 'SHAPE_INVALID', (tree) => tree.record((record) => Object.assign(record, { blessed: true }))],
  [
    'another outcome',
    'RECORD_DIFFERS',
    (tree) => tree.record((record) => Object.assign(record, { outcome: 'rejected' })),
  ],
  [
    'another developer',
    'RECORD_DIFFERS',
    (tree) => tree.record((record) => Object.assign(record, { developer: 'eve' })),
  ],
  [
    'a media type changed',
    'ARTIFACTS_DIFFER',
    (tree) => tree.record((record) => Object.assign(record.artifacts[0] ?? {}, { media_type: 'text/html' })),
  ],
  ['a run of another policy', 'POLICY_UNKNOWN', () => ({ trust: trusted(unsigned) })],
  [
    'a laxer policy in the tree',
    'POLICY_DIFFERS',
    (tree) => tree.edit('evidence/policy.yaml', (text) => text.replaceAll('required', 'optional')).relist(),
  ],
  [
    'an edited request',
    'REQUEST_DIFFERS',
    (tree) => tree.edit('evidence/request.json', (text) => text.replace('Fix', 'Break')).relist(),
  ],
  [
    'an edited prompt pack',
    'PACK_DIFFERS',
    (tree) => tree.edit('evidence/prompt_pack.json', (text) => text.replace('Context', 'Kontext')).relist(),
  ],
  ['a ledger line in another layout', 'LEDGER_FORM', (tree) => tree.edit(LEDGER, (text) => text.replace('{"', '{ "'))],
  ['a cut ledger line', 'LEDGER_FORM', (tree) => tree.edit(LEDGER, (text) => text.slice(0, -5))],
  ['a ledger in CRLF', 'LEDGER_FORM', (tree) => tree.edit(LEDGER, (text) => text.replaceAll('\n', '\r\n'))],
  [
    'a foreign event',
    'LEDGER_SHAPE',
    (tree) => tree.ledger((events) => [...events, { ...events[0], type: 'blessed' } as never]),
  ],
  [
    'an edited event',
    'LEDGER_BROKEN',
    (tree) => tree.edit(LEDGER, (text) => text.replace('"choice":"approve"', '"choice":"reject"')),
  ],
  ['a dropped line', 'LEDGER_BROKEN', (tree) => tree.edit(LEDGER, (text) => text.replace(/\n.*\n/, '\n'))],
  ['a dropped tail', 'LEDGER_ENDS', (tree) => tree.ledger((events) => events.slice(0, -1))],
  [
    'another head',
    'LEDGER_HEAD_DIFFERS',
    (tree) => tree.record(({ ledger }) => Object.assign(ledger, { head: '0'.repeat(64) })),
  ],
  [
    'time that goes back',
    'LEDGER_TIME',
    (tree) => tree.event('runClosed', (event) => Object.assign(event, { at: '2026-01-01T00:00:00.000Z' })),
  ],
  [
    'another quorum',
    'PLAN_DIFFERS',
    (tree) => tree.event('runOpened', ({ plan }) => Object.assign(plan.approvals, { P05: 0 })),
  ],
  [
    'a key smuggled in',
    'PLAN_DIFFERS',
    (tree) => tree.event('runOpened', ({ plan }) => Object.assign(plan.keys, { grace: plan.keys.nina })),
  ],
  [
    'another base',
    'REQUEST_SIGNATURE_INVALID',
    (tree) => tree.event('runOpened', ({ run }) => Object.assign(run, { base_commit: '0'.repeat(40) })),
  ],
  [
    'a dropped request for decision',
    'FOLD_DIFFERS',
    (tree) => tree.ledger(without(({ type }) => type === 'decisionRequested')),
  ],
  ['a dropped decision', 'FOLD_DIFFERS', (tree) => tree.ledger(without(({ type }) => type === 'decisionCounted'))],
  ['a dropped send-back', 'FOLD_DIFFERS', (tree) => tree.ledger(without(({ type }) => type === 'gateSentBack'))],
  [
    'a decision twice',
    'FOLD_DIFFERS',
    (tree) =>
      tree.ledger((events) => {
        const at = events.findIndex(({ type }) => type === 'decisionCounted');
        return [...events.slice(0, at + 1), ...events.slice(at)];
      }),
  ],
  [
    'a decision without its signature',
    'DECISION_REFUSED',
    (tree) => tree.event('decisionCounted', (event) => Object.assign(event, { envelope: null })),
  ],
  [
    'a decision with another comment',
    'FOLD_DIFFERS',
    (tree) => tree.event('decisionCounted', ({ decision }) => Object.assign(decision, { comment: 'fine' })),
  ],
  [
    'a resolution without its signature',
    'RESOLUTION_REFUSED',
    (tree) => tree.event('escalationResolved', (event) => Object.assign(event, { envelope: null })),
  ],
  [
    "a person's escalation without its signature",
    'ESCALATION_REFUSED',
    (tree) => tree.event('escalationOpened', (event) => Object.assign(event, { envelope: null })),
  ],
  [
    'a result without its signature',
    'ATTESTATION_REFUSED',
    (tree) => tree.event('gateFinished', (event) => Object.assign(event, { attestation: null })),
  ],
  [
    'another verdict',
    'FOLD_DIFFERS',
    (tree) => tree.event('gateFinished', (event) => Object.assign(event, { verdict: 'fail' })),
  ],
  ['a refusal dropped', 'ATTESTATION_REFUSED', (tree) => tree.ledger(without(({ type }) => type === 'refused'))],
  [
    'a refusal reworded',
    'FOLD_DIFFERS',
    (tree) => tree.event('refused', (event) => Object.assign(event, { message: 'It was fine.' })),
  ],
  ['the session of another run', 'SESSION_OTHER_RUN', (tree) => swapSession(tree)],
  [
    'a session with another hash',
    'SESSION_HASH_INVALID',
    (tree) =>
      tree
        .edit('evidence/prompt_session.json', (text) =>
          text.replace(/"chain_hash": "./, '"chain_hash": "f').replace('"f0', '"f1'),
        )
        .relist(),
  ],
  [
    'another sidecar',
    'SIDECAR_DIFFERS',
    (tree) => tree.edit('evidence/prompt_session.sha256', (text) => text.replace(/^\w{8}/, '00000000')).relist(),
  ],
  [
    'another rendered prompt',
    'RENDERED_PROMPT_DIFFERS',
    (tree) =>
      tree.edit('evidence/attempts/P00/1/try-1/prompt.md', (text) => text.replace('Context', 'Kontext')).relist(),
  ],
  [
    'another escalation report',
    'ESCALATION_DIFFERS',
    (tree) =>
      tree
        .json<{ raised_by: string }>('evidence/escalations/E1.json', (value) =>
          Object.assign(value, { raised_by: 'eve' }),
        )
        .relist(),
  ],
  [
    'a revoked key',
    'KEY_REVOKED',
    () => ({
      trust: otherPolicy((text) =>
        text.replace(`'${genuine.keys.grace.line}'`, `'${genuine.keys.grace.line}', revoked_at: 2026-01-02T00:00:10Z`),
      ),
    }),
  ],
  ['no seal', 'SEAL_MISSING', (tree) => drop(tree, 'evidence/attestations/ledger-seal.dsse.json')],
  [
    'no signature of the record',
    'RECORD_SIGNATURE_MISSING',
    (tree) => drop(tree, 'evidence/attestations/run-record.dsse.json'),
  ],
  ['a seal by a role', 'SEAL_INVALID', (tree) => reseal(tree, 'evidence/attestations/ledger-seal.dsse.json', 'nina')],
  [
    'a record signed by the integrator',
    'RECORD_SIGNATURE_INVALID',
    (tree) => reseal(tree, 'evidence/attestations/run-record.dsse.json', 'grace'),
  ],
  [
    'a bundle without its last line',
    'BUNDLE_DIFFERS',
    (tree) => tree.edit('evidence/attestations/bundle.jsonl', (text) => text.replace(/[^\n]*\n$/, '')),
  ],
  [
    'an attestation that is not listed',
    'FILE_UNEXPECTED',
    (tree) =>
      tree.put('evidence/attestations/decision-999.dsse.json', tree.text('evidence/attestations/P00.1.dsse.json')),
  ],
  [
    'another attestation in the place of one',
    'ATTESTATION_DIFFERS',
    (tree) =>
      tree.put('evidence/attestations/P01.1.dsse.json', tree.text('evidence/attestations/P00.1.dsse.json')).relist(),
  ],
];

function drop(tree: Forgery, path: string): Forgery {
  tree.files.delete(path);
  return tree;
}

function reseal(tree: Forgery, path: string, name: 'nina' | 'grace'): Forgery {
  const { payload } = JSON.parse(tree.text(path));
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString());
  return tree.put(path, `${JSON.stringify(genuine.keys[name].seal(statement), null, 2)}\n`);
}

function swapSession(tree: Forgery): Forgery {
  const other = new Forgery(unsigned.files);
  // The same developer and repository; only its time tells it apart, so one is taken that closed at another.
  const text = other.text('evidence/prompt_session.json').replace('"notes": ""', '"notes": "another"');
  const session = JSON.parse(text);
  const { artifact_hash: _artifact, chain_hash: _chain, ...fields } = session;
  const artifact_hash = sha256Hex(`${JSON.stringify(fields, null, 2)}\n`);
  const chain_hash = sha256Hex(artifact_hash + fields.timestamp_utc);
  const written = `${JSON.stringify({ ...fields, artifact_hash, chain_hash }, null, 2)}\n`;
  tree.put('evidence/prompt_session.json', written);
  tree.put('evidence/prompt_session.sha256', `${sha256Hex(written)}  prompt_session.json\n`);
  return tree.relist();
}

describe('a changed tree', () => {
  test.each(CASES)('%s: %s', async (_name, code, breaks) => {
    const tree = new Forgery(genuine.files);
    const made = breaks(tree);
    const { kinds, trust = trusted() } = made instanceof Forgery ? { kinds: {} } : made;
    const { first, verified } = await judgeTree(memoryTree(tree.files, kinds), trust);
    expect({ code: first?.failure?.code, found: first?.failure }).toMatchObject({ code });
    expect(verified).toBe(false);
    expect(first?.failure?.expected).not.toBe('');
    expect(first?.failure?.found).not.toBe('');
  });
});

test('verifyTree: a check that depends on a failed document reports no failure of its own', async () => {
  const tree = new Forgery(genuine.files).edit(LEDGER, (text) => text.slice(0, -5));
  const verdict = await judgeTree(memoryTree(tree.files), trusted());
  expect(failed(verdict)).toEqual(['ledger: LEDGER_FORM']);
  expect(verdict.outcomes.filter(({ status }) => status === 'not_checked').length).toBeGreaterThan(10);
});

test('verifyTree: before the engine has signed, its signatures are neither asked nor taken', async () => {
  const pending = { ...trusted(), engineSignatures: 'pending' as const };
  const tree = new Forgery(genuine.files);
  expect((await judgeTree(memoryTree(tree.files), pending)).first?.failure?.code).toBe('FILE_UNEXPECTED');
  for (const name of ['run-record.dsse.json', 'ledger-seal.dsse.json', 'ai-authorship.dsse.json', 'bundle.jsonl']) {
    tree.files.delete(`evidence/attestations/${name}`);
  }
  expect((await judgeTree(memoryTree(tree.files), pending)).verified).toBe(true);
  expect((await judgeTree(memoryTree(tree.files), trusted())).first?.failure?.code).toBe('SEAL_MISSING');
});
