import { expect, test } from 'vitest';
import type { GateId, SandboxKind } from '../../../src/contracts/names.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import {
  sandboxesOfRun,
  sandboxOfAttempt,
  unsandboxedParts,
  weakestSandbox,
} from '../../../src/domain/record/sandboxes.js';

const attempt = (gate: GateId, sandbox?: SandboxKind, checks_sandbox?: SandboxKind) =>
  ({
    gate,
    executor: { sandbox },
    ...(checks_sandbox === undefined ? {} : { checks_sandbox }),
  }) as unknown as AttemptRecord;

test('weakestSandbox: none is weaker than any sandbox, and unknown ones do not count', () => {
  expect(weakestSandbox(['none', 'bubblewrap'])).toBe('none');
  expect(weakestSandbox(['bubblewrap', undefined, 'sandbox-exec'])).toBe('sandbox-exec');
  expect(weakestSandbox([undefined])).toBeUndefined();
});

test('sandboxOfAttempt: checks without a sandbox weigh as much as an executor without one', () => {
  expect(sandboxOfAttempt(attempt('P06', 'bubblewrap', 'none'))).toBe('none');
  expect(sandboxOfAttempt(attempt('P05', 'bubblewrap'))).toBe('bubblewrap');
});

test('sandboxesOfRun: the weakest of the attempts of each gate, void ones included, and of the checks', () => {
  const attempts = [attempt('P05', 'none'), attempt('P05', 'bubblewrap'), attempt('P06', 'bubblewrap', 'bubblewrap')];
  expect(sandboxesOfRun(attempts)).toEqual({ sandbox: { P05: 'none', P06: 'bubblewrap', checks: 'bubblewrap' } });
});

test('sandboxesOfRun: a run from before sandboxes were recorded has no such field', () => {
  expect(sandboxesOfRun([attempt('P05'), attempt('P06')])).toEqual({});
});

test('unsandboxedParts: names the gates and the checks without one', () => {
  expect(unsandboxedParts({ sandbox: { P05: 'none', P06: 'none', P07: 'bubblewrap', checks: 'none' } })).toBe(
    'P05, P06 and the checks',
  );
  expect(unsandboxedParts({ sandbox: { checks: 'none' } })).toBe('the checks');
  expect(unsandboxedParts({ sandbox: { P05: 'bubblewrap' } })).toBeNull();
  expect(unsandboxedParts({})).toBeNull();
});
