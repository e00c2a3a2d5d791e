import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { canonicalJson } from '../../../src/contracts/json.js';
import { GATE_IDS } from '../../../src/contracts/names.js';
import {
  cancellationSchema,
  decisionSchema,
  personEscalationSchema,
  resolutionSchema,
} from '../../../src/contracts/run/decisions.js';
import {
  MAX_MESSAGE_CHARACTERS,
  readCancellation,
  readDecision,
  readEscalation,
  readResolution,
  UNDECODABLE_KEY,
} from '../../../src/domain/judge/read-message.js';

const SHA256 = 'a'.repeat(64);
const DECISION = {
  decision_id: 'd-1',
  run_id: 'run-one',
  gate: 'P03',
  attempt: 1,
  request_id: 'P03.1.1',
  output_sha256: SHA256,
  policy_sha256: SHA256,
  actor: 'grace',
  choice: 'approve',
};
const RESOLUTION = {
  decision_id: 'r-1',
  run_id: 'run-one',
  escalation_id: 'E1',
  request_id: 'E1.1',
  policy_sha256: SHA256,
  actor: 'grace',
  choice: 'rework',
};
const CANCELLATION = {
  decision_id: 'c-1',
  run_id: 'run-one',
  policy_sha256: SHA256,
  actor: 'Grace Hopper',
  reason: 'enough',
};
const OPTIONAL = {
  comment: 'c',
  reason: 'r',
  to_gate: 'P01',
  final: false,
  acknowledged: ['x'],
  guidance: 'g',
  issue: 'i',
  options: ['o'],
  security_sensitive: true,
};

const READERS = {
  decision: { schema: decisionSchema, read: (content: unknown) => readDecision(content), base: DECISION },
  resolution: { schema: resolutionSchema, read: readResolution, base: RESOLUTION },
  escalation: { schema: personEscalationSchema, read: readEscalation, base: { actor: 'grace', run_id: 'run-one' } },
  cancellation: { schema: cancellationSchema, read: readCancellation, base: CANCELLATION },
} as const;
const KINDS = ['decision', 'resolution', 'escalation', 'cancellation'] as const;

/** Values at the edge of what a field takes, beside plain wrong ones. */
const nearlyRight = fc.oneof(
  fc.constantFrom<unknown>(
    ...['', ' ', 'a', 'P00', 'P08', 'p03', 'grace', 'gr ace', 'Grace@x.org', '-x', 'run-one', 'Run', 'E1', 'approve'],
    ...['reject', 'retry', 'abort', SHA256, SHA256.toUpperCase(), SHA256.slice(1), 'a'.repeat(20), 'a'.repeat(21)],
    ...['a'.repeat(40), 'a'.repeat(41), 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(65), 'a'.repeat(128)],
    ...['a'.repeat(129), 'x'.repeat(4_000), 'x'.repeat(4_001), 'grace\n', '\ud800', 'é'],
    ...[0, 1, -1, 1.5, 2 ** 53, 2 ** 53 - 1, -0, 1e300, true, false, null, undefined],
    ...[[], [''], ['x'], [1], ['x'.repeat(80)], ['x'.repeat(81)], ['x'.repeat(500)], ['x'.repeat(501)]],
    ...[Array(8).fill('o'), Array(9).fill('o'), Array(200).fill('f'), Array(201).fill('f'), {}, { length: 1 }],
  ),
  fc.constantFrom(...GATE_IDS),
  fc.jsonValue({ maxDepth: 2 }),
);
const changes = (base: object) => {
  const keys = [...Object.keys(base), ...Object.keys(OPTIONAL), 'extra', 'toString', 'constructor'];
  return fc.array(fc.tuple(fc.constantFrom(...keys), fc.option(nearlyRight, { nil: DROP })), { maxLength: 4 });
};
const DROP = Symbol('leave the field out');

/** The schema's acceptance, but for what only a reader of foreign messages needs: a bound on the whole. */
function agree(kind: (typeof KINDS)[number], content: unknown): boolean {
  const { schema, read } = READERS[kind];
  const parsed: z.ZodSafeParseResult<unknown> = schema.safeParse(content);
  const result = read(content);
  if ('refused' in result) {
    if (result.reason === 'TOO_LARGE') expect(JSON.stringify(content).length).toBeGreaterThan(MAX_MESSAGE_CHARACTERS);
    else expect(parsed.success).toBe(false);
    return false;
  }
  expect(parsed.success).toBe(true);
  expect(canonicalJson(result)).toBe(
    canonicalJson(JSON.parse(JSON.stringify(parsed.data).replaceAll('\\ud800', '\ufffd'))),
  );
  return true;
}

describe('readers: accept what the schemas accept', () => {
  test.each(KINDS)('%s, nearly right', (kind) => {
    const counts = { true: 0, false: 0 };
    fc.assert(
      fc.property(changes(READERS[kind].base), (parts) => {
        const content: Record<string, unknown> = { ...READERS[kind].base };
        for (const [key, value] of parts) {
          if (value === DROP) delete content[key];
          else content[key] = value;
        }
        counts[`${agree(kind, content)}`] += 1;
      }),
      { numRuns: 4_000, seed: 20_260_103 },
    );
    // The comparison is worth something only when both answers occur often.
    expect(Math.min(counts.true, counts.false)).toBeGreaterThan(400);
  });

  test.each(KINDS)('%s, anything that JSON can say', (kind) => {
    fc.assert(
      fc.property(fc.jsonValue(), (content) => {
        // No content at all is an escalation by signal; the update's schema asks for an object.
        if (kind === 'escalation' && content === null) return;
        agree(kind, content);
      }),
      { numRuns: 1_000, seed: 20_260_104 },
    );
  });
});

describe('readers: hostile values', () => {
  const nested = (depth: number): unknown => {
    let value: unknown = 'x';
    for (let level = 0; level < depth; level++) value = [value];
    return value;
  };
  const reasonOf = (result: object) => ('reason' in result && 'refused' in result ? result.reason : null);

  test('65,536 characters may be read, one more is too large', () => {
    const filled = (size: number) => {
      const rest = size - JSON.stringify({ ...DECISION, extra: '' }).length;
      return { ...DECISION, extra: 'x'.repeat(rest) };
    };
    expect(JSON.stringify(filled(MAX_MESSAGE_CHARACTERS))).toHaveLength(65_536);
    expect(reasonOf(readDecision(filled(MAX_MESSAGE_CHARACTERS)))).toBe('MALFORMED');
    expect(reasonOf(readDecision(filled(MAX_MESSAGE_CHARACTERS + 1)))).toBe('TOO_LARGE');
  });

  test.each([5_000, 100_000])('nesting %i deep is refused, not thrown', (depth) => {
    for (const kind of KINDS) {
      expect(reasonOf(READERS[kind].read({ ...READERS[kind].base, actor: nested(depth) }))).toMatch(
        /MALFORMED|TOO_LARGE/,
      );
      expect(reasonOf(READERS[kind].read(nested(depth)))).toMatch(/MALFORMED|TOO_LARGE/);
    }
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('a field %s is unknown', (key) => {
    const content = JSON.parse(JSON.stringify(DECISION).replace('{', `{"${key}":{"actor":"grace"},`));
    expect(readDecision(content)).toMatchObject({ reason: 'MALFORMED', message: expect.stringContaining(key) });
    expect(readDecision(content, 'approve')).toMatchObject({ reason: 'MALFORMED' });
    expect(({} as { actor?: unknown }).actor).toBeUndefined();
  });

  test('an inherited field is none', () => {
    expect(reasonOf(readDecision(Object.create(DECISION)))).toBe('ACTOR_MISSING');
  });

  test('lone surrogates become replacement characters, so that the ledger can be hashed', () => {
    const read = readDecision({ ...DECISION, comment: 'a\ud800b', acknowledged: ['\udc00'] });
    expect(read).toMatchObject({ comment: 'a\ufffdb', acknowledged: ['\ufffd'] });
    expect(() => canonicalJson(read)).not.toThrow();
  });

  test('what the converter could not decode says so', () => {
    for (const kind of KINDS) {
      expect(READERS[kind].read({ [UNDECODABLE_KEY]: 'Unknown encoding: x' })).toMatchObject({
        reason: 'UNDECODABLE',
        message: expect.stringContaining('Unknown encoding'),
      });
    }
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty object', {}],
  ])('%s names no actor, but is an escalation', (_, content) => {
    expect(reasonOf(readDecision(content, 'approve'))).toBe('ACTOR_MISSING');
    expect(reasonOf(readResolution(content))).toBe('ACTOR_MISSING');
    expect(readEscalation(content)).toEqual({});
  });

  test("the signal's name gives the choice, and a content that says another is malformed", () => {
    const { choice: _, ...bare } = DECISION;
    expect(readDecision(bare, 'approve')).toMatchObject({ choice: 'approve' });
    expect(readDecision({ ...bare, reason: 'r' }, 'reject')).toMatchObject({ choice: 'reject' });
    expect(reasonOf(readDecision(DECISION, 'reject'))).toBe('MALFORMED');
    expect(reasonOf(readDecision(bare))).toBe('MALFORMED');
  });
});
