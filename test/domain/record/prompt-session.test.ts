import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../src/contracts/digest.js';
import { promptSessionSchema } from '../../../src/contracts/record/prompt-session.js';
import { closedLedger } from '../../../src/domain/ledger/closed-ledger.js';
import {
  buildPromptSession,
  checkPromptSession,
  type PromptSessionFields,
  promptSessionText,
  sessionOfRun,
} from '../../../src/domain/record/prompt-session.js';
import { finishedRun } from '../../support/finished-run.js';
import { memoryStore } from '../../support/memory-store.js';

const plain: PromptSessionFields = {
  timestamp_utc: '2026-01-02T03:04:05Z',
  prompt_os_version: 'v1.2.0',
  prompts_used: ['P00', 'P01', 'P08'],
  developer: 'Zoë "Z" O\'Neil',
  target_repo: 'café/repo',
  notes: 'tab\t nl\n del\u007f back\\slash \u2028 \u{1F600} \u0001',
  lint_passed: true,
};

// The digests come from another program: Python's json and hashlib.
const vectors = [
  {
    name: 'every kind of character',
    fields: plain,
    artifact: '8393d79a8c658ce698b0fdf8b334d6f5abe85fa66dd94f0eda272fde47de51d6',
    chain: '1b0600496ce5dd3a6988408d1e1c4a731fc708764fe70e7138815122e024a221',
    file: '566094bb1b6f5d9b9a7f4a93fbf6031b603571a191cbd2a4e733819788cd4ee4',
  },
  {
    name: 'no gates and no notes',
    fields: { ...plain, prompts_used: [], notes: '', lint_passed: false },
    artifact: 'dccdd51eff0ecef12e9f8af95b659d8ec02b67b0cac6bcf69a05b4f7108a8308',
    chain: '369c644577156b7719192c4bdf1ecb794b6530101803c7fd6377d8ce8e2d33c3',
    file: '425f239bf8c6953ec480625b687db4ceb42c02b57931badb909516ca03367b14',
  },
  {
    name: 'the optional stack, given in another order',
    fields: {
      pas: { compiled_hash: 'c', stack_version: '1', stack_id: 's' },
      ...plain,
      prompts_used: ['P00'],
      developer: 'ada',
      target_repo: 'r',
      notes: '',
    },
    artifact: '8c95e0d285da4baa7a65288e26f6408569c7a3edb7c0f0544658e54b6e693a0f',
    chain: 'd502f0833ea889e0bf6547530de6ff4e74f59e8d2fa648d17f3723aa4b9649e3',
    file: '45bf4dd2ae3cda6802ddc7eb7dae5ba5173ff7125f3c84a48f6bbba5f42d463e',
  },
];

describe('prompt session', () => {
  for (const { name, fields, artifact, chain, file } of vectors) {
    test(`buildPromptSession: hashes as computed elsewhere, ${name}`, () => {
      const built = buildPromptSession(fields);
      expect(built.session).toMatchObject({ artifact_hash: artifact, chain_hash: chain });
      expect(sha256Hex(built.text)).toBe(file);
      expect(built.sidecar).toBe(`${file}  prompt_session.json\n`);
      expect(promptSessionSchema.parse(JSON.parse(built.text))).toEqual(built.session);
      expect(promptSessionText(JSON.parse(built.text))).toBe(built.text);
    });
  }

  test('buildPromptSession: fields in their order, and no other', () => {
    const { text } = buildPromptSession({ ...plain, extra: 'no' } as PromptSessionFields);
    expect(Object.keys(JSON.parse(text))).toEqual([
      'timestamp_utc',
      'prompt_os_version',
      'prompts_used',
      'developer',
      'target_repo',
      'notes',
      'lint_passed',
      'artifact_hash',
      'chain_hash',
    ]);
    expect(text).toContain('del\\u007f');
    expect(text).toContain('Zoë');
    expect(text.endsWith('}\n')).toBe(true);
  });

  test('checkPromptSession: nothing to say of a good one, both hashes of a changed one', () => {
    const { session } = buildPromptSession(plain);
    expect(checkPromptSession(session)).toEqual([]);
    expect(checkPromptSession({ ...session, developer: 'mallory' })).toHaveLength(2);
    expect(checkPromptSession({ ...session, timestamp_utc: '2026-01-02T03:04:06Z' })).toHaveLength(2);
    expect(checkPromptSession({ ...session, artifact_hash: '0'.repeat(64) })).toEqual([
      `artifact_hash is ${'0'.repeat(64)}, the content has ${vectors[0]?.artifact}.`,
    ]);
    expect(checkPromptSession({ ...session, chain_hash: '0'.repeat(64) })).toHaveLength(1);
  });

  test('sessionOfRun: the gates that ran in the order of their first start, P08 where it was raised', async () => {
    const { entries } = await finishedRun(memoryStore());
    expect(sessionOfRun(closedLedger(entries), 'n')).toEqual({
      timestamp_utc: (entries.at(-1)?.at ?? '').replace('.678Z', 'Z'),
      prompt_os_version: 'v1.0.0',
      prompts_used: ['P01', 'P03', 'P08', 'P05', 'P06'],
      developer: 'ada',
      target_repo: 'split-bill',
      notes: 'n',
      lint_passed: true,
    });
  });

  test('sessionOfRun: LEDGER_BROKEN without an opening or a closing', async () => {
    const { entries } = await finishedRun(memoryStore());
    for (const part of [entries.slice(1), entries.slice(0, -1), []]) {
      expect(() => sessionOfRun(closedLedger(part), '')).toThrow(expect.objectContaining({ code: 'LEDGER_BROKEN' }));
    }
  });
});
