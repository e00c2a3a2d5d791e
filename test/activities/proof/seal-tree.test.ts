import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPublisher } from '../../../src/activities/finalise.js';
import { createFileSystemStore } from '../../../src/adapters/store/fs/file-system-store.js';
import { mediaTypeOf } from '../../../src/contracts/artifacts.js';
import { sha256Hex } from '../../../src/contracts/digest.js';
import { canonicalJson } from '../../../src/contracts/json.js';
import { type Envelope, envelopeSchema } from '../../../src/contracts/keys.js';
import { runWorkflowId } from '../../../src/contracts/names.js';
import { runRecordSchema } from '../../../src/contracts/record/run-record.js';
import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { openEnvelope, preAuthenticationEncoding } from '../../../src/domain/attest/envelope.js';
import { PREDICATES } from '../../../src/domain/attest/statement.js';
import { appendEntry, EMPTY_LEDGER, headOf } from '../../../src/domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../../../src/ports/artifact-store.js';
import type { SignerRegistry } from '../../../src/ports/signer.js';
import type { UnsealedTree } from '../../../src/ports/tree-reader.js';
import { verifyUnsealed } from '../../../src/verify/object-tree.js';
import { finishedRun, WORKFLOW } from '../../support/finished-run.js';
import { noSigners } from '../../support/no-signers.js';
import {
  makeRunKeys,
  type SignedFinishedRun,
  signedFinishedRun,
  signedPolicyText,
  signersOf,
} from '../../support/signed-finished-run.js';
import { makeTestKey, type TestKey } from '../../support/signing.js';

let directory: string;
let store: ArtifactStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promptos-seal-'));
  store = createFileSystemStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

type Run = Pick<SignedFinishedRun, 'run' | 'entries' | 'head' | 'outcome'>;
const finalise = ({ entries }: Run, signers: SignerRegistry, options: Parameters<typeof createPublisher>[1] = {}) =>
  createPublisher({ store, signers }, options)({ entries, journal: [] });

const published = (path: string) => readFile(join(store.locate('run-1'), path));
const attested = async (name: string): Promise<Envelope> =>
  envelopeSchema.parse(JSON.parse((await published(`evidence/attestations/${name}`)).toString()));
const folder = async () => (await readdir(join(store.locate('run-1'), 'evidence/attestations'))).sort();
const record = async () => runRecordSchema.parse(JSON.parse((await published('run_record.json')).toString()));
const payloadOf = (envelope: Envelope, { key }: TestKey): unknown => {
  const result = openEnvelope(envelope, [key]);
  return result.ok ? result.payload : result;
};

describe('finalise, signed', () => {
  test('publishes every attestation once, each a DSSE file, and lists all but what the engine signs at the end', async () => {
    const run = await signedFinishedRun(store);
    const { files } = await finalise(run, run.signers);
    const seqs = run.entries.flatMap((entry) =>
      ['decisionCounted', 'escalationResolved'].includes(entry.type) ? [`decision-${entry.seq}.dsse.json`] : [],
    );
    const attempts = ['P01.1', 'P03.1', 'P03.2', 'P05.1', 'P05.2', 'P06.1', 'P06.2'].map((name) => `${name}.dsse.json`);
    const listed = ['run-request.dsse.json', ...seqs, ...attempts];
    const seals = ['run-record.dsse.json', 'ledger-seal.dsse.json', 'ai-authorship.dsse.json', 'bundle.jsonl'];
    expect(await folder()).toEqual([...listed, ...seals].sort());
    const { artifacts } = await record();
    const names = artifacts.flatMap(({ path }) => path.split('evidence/attestations/')[1] ?? []);
    expect(names.sort()).toEqual(listed.sort());
    expect(files).toBe(artifacts.length + seals.length + 2);
    for (const name of [...listed, ...seals.slice(0, 3)]) {
      const text = (await published(`evidence/attestations/${name}`)).toString();
      const { payloadType, payload, signatures } = JSON.parse(text);
      expect(text).toBe(`${JSON.stringify({ payloadType, payload, signatures }, null, 2)}\n`);
    }
  });

  test('the engine signs the bytes of the record, and the count, head and bytes of the ledger', async () => {
    const run = await signedFinishedRun(store);
    await finalise(run, run.signers);
    const { engine } = run.keys;
    expect(payloadOf(await attested('run-record.dsse.json'), engine)).toMatchObject({
      predicateType: PREDICATES.runRecord,
      subject: [{ name: 'run_record.json', digest: { sha256: sha256Hex(await published('run_record.json')) } }],
      predicate: { runId: 'run-1', outcome: 'approved' },
    });
    expect(payloadOf(await attested('ledger-seal.dsse.json'), engine)).toMatchObject({
      predicateType: PREDICATES.ledgerSeal,
      subject: [
        { name: 'evidence/ledger.jsonl', digest: { sha256: sha256Hex(await published('evidence/ledger.jsonl')) } },
      ],
      predicate: { runId: 'run-1', entries: run.head.entries, head: run.head.hash },
    });
    expect(await record()).toMatchObject({ authentication: 'signed', sealed_by: engine.key.keyid });
  });

  test('the bundle is every envelope of the folder, one canonical line each, in the order of names', async () => {
    const run = await signedFinishedRun(store);
    await finalise(run, run.signers);
    const names = (await folder()).filter((name) => name.endsWith('.dsse.json'));
    const lines = await Promise.all(names.map(async (name) => canonicalJson(await attested(name))));
    expect((await published('evidence/attestations/bundle.jsonl')).toString()).toBe(`${lines.join('\n')}\n`);
  });

  test('openssl, which knows nothing of us, verifies the signature', async () => {
    const run = await signedFinishedRun(store);
    await finalise(run, run.signers);
    const { payloadType, payload, signatures } = await attested('run-record.dsse.json');
    const bytes = Buffer.from(payload, 'base64');
    await writeFile(join(directory, 'message'), preAuthenticationEncoding(payloadType, bytes));
    await writeFile(join(directory, 'signature'), Buffer.from(signatures[0]?.sig ?? '', 'base64'));
    await writeFile(join(directory, 'key.pem'), run.keys.engine.pem);
    const verify = () =>
      execFileSync(
        'openssl',
        ['pkeyutl', '-verify', '-rawin', '-inkey', 'key.pem', '-sigfile', 'signature', '-in', 'message'],
        { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      );
    expect(verify()).toContain('Signature Verified Successfully');
    await writeFile(join(directory, 'message'), preAuthenticationEncoding(payloadType, bytes.subarray(1)));
    expect(verify).toThrow();
  });

  test('again: the same bytes, though it signed twice', async () => {
    const run = await signedFinishedRun(store);
    const first = await finalise(run, run.signers);
    const before = await published('evidence/attestations/bundle.jsonl');
    expect(await finalise(run, run.signers)).toEqual(first);
    expect(await published('evidence/attestations/bundle.jsonl')).toEqual(before);
  });

  test("an attempt's own attestation stays in the folder when the attempt is void, and goes into the bundle", async () => {
    const base = await signedFinishedRun(store);
    const [sha256, attempt] = [...base.attempts].find(([, { gate, attempt }]) => gate === 'P05' && attempt === 1) ?? [];
    if (attempt === undefined) throw new Error('no such attempt');
    const envelope = base.keys.quill.seal({ provenance: true });
    const object = await store.putObject(Buffer.from(JSON.stringify(envelope)));
    const path = 'evidence/attestations/P05.1.provenance.dsse.json';
    const artifact = { path, ...object, media_type: mediaTypeOf(path) };
    const changed = await store.putObject(
      Buffer.from(canonicalJson({ ...attempt, artifacts: [...attempt.artifacts, artifact] })),
    );
    const entries: LedgerEntry[] = [];
    for (const { seq: _s, prev: _p, hash: _h, at, ...event } of base.entries) {
      const swap = event.type === 'gateFinished' && event.output_sha256 === sha256;
      entries.push(appendEntry(headOf(entries), at, swap ? { ...event, output_sha256: changed.sha256 } : event));
    }
    await finalise({ ...base, entries, head: headOf(entries) }, base.signers);
    expect(await attested('P05.1.provenance.dsse.json')).toEqual(envelope);
    expect((await published('evidence/attestations/bundle.jsonl')).toString()).toContain(canonicalJson(envelope));
    expect((await published('evidence/attempts/P05/1/patch/change.patch')).toString()).toBe('first patch');
  });
});

describe('finalise, without a key of the engine', () => {
  test.each<[string, (run: SignedFinishedRun) => SignerRegistry]>([
    ['has none', () => noSigners],
    ['has one that the policy does not list', () => signersOf({ engine: makeTestKey() })],
  ])('ENGINE_KEY_MISSING when records must be signed and the worker %s; nothing is published', async (_, signers) => {
    const run = await signedFinishedRun(store);
    await expect(finalise(run, signers(run))).rejects.toMatchObject({ code: 'ENGINE_KEY_MISSING', retryable: false });
    expect(await store.published('run-1')).toBeNull();
  });

  /** A run whose engine's key has times that depend on when the run opened and closed. */
  const runWithTimes = async (times: (opened: string, closed: string) => string): Promise<SignedFinishedRun> => {
    const { entries } = await signedFinishedRun(store);
    const [opened, closed] = [entries[0], entries.at(-1)].map((entry) => new Date(entry?.at ?? '').toISOString());
    const keys = makeRunKeys();
    const engine = `[{ public: '${keys.engine.line}', ${times(opened ?? '', closed ?? '')} }]`;
    return signedFinishedRun(store, { policy: signedPolicyText(keys, engine) }, keys);
  };

  test.each<[string, (opened: string, closed: string) => string]>([
    ['had expired long before', () => "valid_until: '2025-01-01T00:00:00Z'"],
    ['counted at the opening and expired as the run closed', (_, closed) => `valid_until: '${closed}'`],
    ['was revoked as the run closed', (_, closed) => `revoked_at: '${closed}'`],
    ['was not valid yet', () => "valid_from: '2099-01-01T00:00:00Z'"],
  ])('ENGINE_KEY_MISSING when the key %s; nothing is published', async (_, times) => {
    const run = await runWithTimes(times);
    await expect(finalise(run, run.signers)).rejects.toMatchObject({ code: 'ENGINE_KEY_MISSING' });
    expect(await store.published('run-1')).toBeNull();
  });

  test('a key that began to count after the opening and before the closing seals the run', async () => {
    const run = await runWithTimes((opened, closed) => {
      expect(Date.parse(opened)).toBeLessThan(Date.parse(closed));
      return `valid_from: '${closed}'`;
    });
    await finalise(run, run.signers);
    expect(await record()).toMatchObject({ sealed_by: run.keys.engine.key.keyid });
  });

  test('where it is optional the record stays unsigned and says so; what others signed is bundled all the same', async () => {
    const run = await signedFinishedRun(store, { plan: { attestations: 'optional' } });
    await finalise(run, noSigners);
    expect(await record()).toMatchObject({ attestations: 'optional', sealed_by: null, authentication: 'signed' });
    expect(await folder()).toContain('bundle.jsonl');
    expect(await folder()).not.toContain('run-record.dsse.json');
    expect(await folder()).not.toContain('ledger-seal.dsse.json');
  });

  test('where it is optional, a key that the policy does not list signs nothing', async () => {
    const keys = makeRunKeys();
    const policy = signedPolicyText(keys, '[]');
    const run = await signedFinishedRun(store, { policy, plan: { attestations: 'optional' } }, keys);
    await finalise(run, run.signers);
    expect(await record()).toMatchObject({ sealed_by: null });
  });

  test('a run without signatures has no folder of attestations', async () => {
    await finalise(await finishedRun(store), noSigners);
    await expect(folder()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await record()).toMatchObject({ authentication: 'none', sealed_by: null, request_signed_by: null });
  });
});

describe('finalise, refused at the opening', () => {
  const closedRun = (run: SignedFinishedRun['run']): Run => {
    const opening = appendEntry(EMPTY_LEDGER, '2026-01-01T00:00:00.000Z', {
      type: 'openingFailed',
      run,
      workflow: { ...WORKFLOW, workflow_id: runWorkflowId(run.run_id) },
      code: 'POLICY_NOT_TRUSTED',
      message: 'no',
    });
    const closing = appendEntry(headOf([opening]), opening.at, {
      type: 'runClosed',
      outcome: 'failed',
      reason: 'POLICY_NOT_TRUSTED',
      refusals_counted: {},
    });
    return { run, entries: [opening, closing], head: headOf([opening, closing]), outcome: 'failed' };
  };

  test('is sealed with a key that its policy lists', async () => {
    const { run, signers, keys } = await signedFinishedRun(store);
    await finalise(closedRun(run), signers);
    expect(await record()).toMatchObject({
      attestations: null,
      authentication: 'none',
      sealed_by: keys.engine.key.keyid,
    });
    expect(await folder()).toEqual([
      'bundle.jsonl',
      'ledger-seal.dsse.json',
      'run-record.dsse.json',
      'run-request.dsse.json',
    ]);
  });

  test.each(['policy_sha256', 'request_attestation_sha256'] as const)(
    'gets its tree also when %s leads nowhere, or to something else',
    async (field) => {
      const { run, signers } = await signedFinishedRun(store);
      const garbage = (await store.putObject(Buffer.from('no such thing: ['))).sha256;
      await finalise(closedRun({ ...run, [field]: 'a'.repeat(64) }), signers);
      expect((await record()).outcome).toBe('failed');
      const other = { ...run, run_id: 'run-2', [field]: garbage };
      await finalise(closedRun(other), signers);
      expect(await store.published('run-2')).not.toBeNull();
    },
  );

  test.each(['policy_sha256', 'request_sha256', 'pack_object_sha256', 'request_attestation_sha256'] as const)(
    'the verifier takes such a tree too when %s leads nowhere, or to something else',
    async (field) => {
      const { run, signers } = await signedFinishedRun(store);
      const garbage = (await store.putObject(Buffer.from('no such thing: ['))).sha256;
      const verified = { verifyTree: verifyUnsealed };
      await finalise(closedRun({ ...run, [field]: 'a'.repeat(64) }), signers, verified);
      await finalise(closedRun({ ...run, run_id: 'run-2', [field]: garbage }), signers, verified);
      expect((await store.list()).length).toBe(2);
    },
  );
});

describe('finalise, asking the verifier first', () => {
  test('it is shown every file but the seals, with their bytes, and what it accepts is signed and published', async () => {
    const run = await signedFinishedRun(store);
    const seen: UnsealedTree[] = [];
    await finalise(run, run.signers, {
      verifyTree: async (tree) => {
        seen.push(tree);
        return [];
      },
    });
    const [tree] = seen;
    const paths = tree?.files.map(({ path }) => path) ?? [];
    expect(paths).toContain('run_record.json');
    expect(paths).toContain('evidence/ledger.jsonl');
    expect(paths).toContain('evidence/attestations/run-request.dsse.json');
    expect(paths).not.toContain('evidence/attestations/run-record.dsse.json');
    expect(paths).not.toContain('evidence/attestations/bundle.jsonl');
    const recordFile = tree?.files.find(({ path }) => path === 'run_record.json');
    const shown = await tree?.objects.readObject(recordFile?.sha256 ?? '');
    expect(Buffer.from(shown ?? []).equals(await published('run_record.json'))).toBe(true);
  });

  test.each([
    ['LEDGER_CHAIN', 'LEDGER_BROKEN'],
    ['SIGNATURE_INVALID', 'RECORD_INVALID'],
  ])('a problem %s is %s: nothing is signed, nothing is published', async (code, expected) => {
    const run = await signedFinishedRun(store);
    let signed = 0;
    const signer = run.signers.forEngine();
    const counting: SignerRegistry = {
      forPrincipal: () => null,
      forEngine: () =>
        signer && {
          ...signer,
          sign: async (message) => {
            signed += 1;
            return signer.sign(message);
          },
        },
    };
    const verifyTree = async () => [{ code, message: 'this is wrong' }];
    await expect(finalise(run, counting, { verifyTree })).rejects.toMatchObject({
      code: expected,
      retryable: false,
      message: expect.stringContaining(`${code}: this is wrong`),
    });
    expect(signed).toBe(0);
    expect(await store.published('run-1')).toBeNull();
  });
});
