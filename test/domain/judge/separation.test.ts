import { describe, expect, test } from 'vitest';
import {
  type Duty,
  describeClash,
  findClashes,
  judgeSeparation,
  plannedDuties,
} from '../../../src/domain/judge/separation.js';
import { finishedRun, PLAN } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';
import { makeTestKey } from '../../support/signing.js';

const DISTINCT = { executors: 'distinct' } as const;
const ANY = { executors: 'any' } as const;
const process = (program: string, digit = '1') => ({ kind: 'command', program, arguments_sha256: digit.repeat(64) });
const duty = (name: Duty['duty'], parts: Partial<Duty> = {}): Duty => ({
  duty: name,
  principal: `${name}-principal`,
  keyids: [`SHA256:${name}`],
  executor: null,
  ...parts,
});

describe('findClashes', () => {
  test('duties that share nothing do not clash', () => {
    const duties = [
      duty('writer', { executor: process('agent', '1') }),
      duty('verifier', { executor: process('agent', '2') }),
      duty('reviewer', { executor: process('other', '1') }),
      duty('integrator'),
      duty('integrator', { principal: 'ivan', keyids: ['SHA256:ivan'] }),
      duty('engine', { principal: null }),
    ];
    expect(findClashes(duties, DISTINCT)).toEqual([]);
  });

  test.each([
    ['a principal', duty('writer', { principal: 'ada' }), duty('integrator', { principal: 'ada' }), 'principal'],
    [
      'a principal in another case',
      duty('writer', { principal: 'Ada' }),
      duty('reviewer', { principal: 'ada' }),
      'principal',
    ],
    ['a key', duty('writer', { keyids: ['k', 'j'] }), duty('verifier', { keyids: ['i', 'k'] }), 'key'],
    [
      'a key with the engine',
      duty('writer', { keyids: ['k'] }),
      duty('engine', { principal: null, keyids: ['k'] }),
      'key',
    ],
    [
      'a key of two integrators',
      duty('integrator', { principal: 'ivan', keyids: ['k'] }),
      duty('integrator', { principal: 'grace', keyids: ['k'] }),
      'key',
    ],
    [
      'a program with its arguments',
      duty('writer', { executor: process('agent') }),
      duty('reviewer', { executor: process('agent') }),
      'executor',
    ],
  ] as const)('%s that two duties share is named', (_, one, other, kind) => {
    const clashes = findClashes([duty('verifier', { principal: 'v', keyids: [] }), one, other], DISTINCT);
    expect(clashes).toMatchObject([{ kind, duties: [one.duty, other.duty] }]);
    expect(describeClash(clashes[0] as (typeof clashes)[number])).toMatch(
      new RegExp(`^${one.duty} and ${other.duty} share the ${kind} `),
    );
  });

  test('a policy that lets roles share an executor is obeyed, for executors alone', () => {
    const same = { executor: process('agent'), keyids: ['k'] };
    const duties = [duty('writer', same), duty('verifier', same)];
    expect(findClashes(duties, ANY).map(({ kind }) => kind)).toEqual(['key']);
    expect(findClashes(duties, DISTINCT).map(({ kind }) => kind)).toEqual(['key', 'executor']);
  });

  test('one duty that was done twice by the same hands is no clash', () => {
    const writer = duty('writer', { executor: process('agent') });
    expect(findClashes([writer, writer], DISTINCT)).toEqual([]);
  });
});

test('plannedDuties: everybody with a duty, their keys, the executors that are known, and the engine', () => {
  const quill = makeTestKey();
  const duties = plannedDuties({ ...PLAN, keys: { quill: [quill.pinned] } }, { verifier: process('v') }, ['SHA256:e']);
  expect(duties).toEqual([
    { duty: 'writer', principal: 'quill', keyids: [quill.key.keyid], executor: null },
    { duty: 'verifier', principal: 'lens', keyids: [], executor: process('v') },
    { duty: 'reviewer', principal: 'fox', keyids: [], executor: null },
    { duty: 'integrator', principal: 'grace', keyids: [], executor: null },
    { duty: 'engine', principal: null, keyids: ['SHA256:e'], executor: null },
  ]);
});

test('judgeSeparation: a finished run is separate; one whose verifier ran the writer’s program is not, reported once', async () => {
  const { attempts } = await finishedRun(memoryStore());
  const records = [...attempts.values()];
  expect(judgeSeparation(PLAN, records)).toEqual([]);
  const writer = records.find(({ role }) => role === 'writer');
  const swapped = records.map((record) =>
    record.role === 'verifier' && writer !== undefined ? { ...record, executor: writer.executor } : record,
  );
  expect(judgeSeparation(PLAN, swapped)).toMatchObject([{ kind: 'executor', duties: ['writer', 'verifier'] }]);
  expect(judgeSeparation({ ...PLAN, separation: ANY }, swapped)).toEqual([]);
});
