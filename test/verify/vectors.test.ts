import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { openFolderTree } from '../../src/adapters/tree/folder-tree.js';
import { policySchema } from '../../src/contracts/policy/policy.js';
import { parsePromptOsPolicy, type VerifyTrust } from '../../src/verify/trust.js';
import { VERIFY_CODES } from '../../src/verify/verify-codes.js';
import { judgeTree, type TreeVerdict } from '../../src/verify/verify-tree.js';
import { ALL_KEYS, forge } from '../support/forge-tree.js';
import { makeVectors } from '../support/make-vectors.js';
import { MutableTree, sha256Of } from '../support/mutable-tree.js';
import { underPolicy } from '../support/under-policy.js';
import { VECTOR_KEYS } from '../support/vector-keys.js';
import { LONG_BEFORE, packLine, revokedPolicy, vectorPack } from '../support/vector-policies.js';
import { beforeClose, beforeEnd, otherHead, rejection } from '../vectors/recipes/journal-recipes.js';
import { policyWithSecondKey, WINDOW_CASES } from '../vectors/recipes/key-window-recipes.js';
import { type PolicyName, type Recipe, RUN_POLICIES, TREE_NAMES, type TreeName } from '../vectors/recipes/recipe.js';
import { policyFor } from '../vectors/recipes/repository-recipes.js';
import { REVIEWER_LIES, VERIFIER_LIES, WRITER_LIES } from '../vectors/recipes/role-lies.js';
import { lowered, signedAsFirst } from '../vectors/recipes/version-recipes.js';
import { RECIPES } from '../vectors/recipes.js';

const FOLDER = fileURLToPath(new URL('../vectors/', import.meta.url));
/** Milliseconds that recording takes at the most on a busy machine. */
const RECORDING = 400_000;

beforeAll(async () => {
  if (process.env.MAKE_VECTORS !== undefined) await makeVectors(inject('temporalAddress'), FOLDER);
}, RECORDING);

const trees = new Map<TreeName, MutableTree>();

/** A copy of a recorded tree. */
function genuine(name: TreeName): MutableTree {
  const read = trees.get(name) ?? MutableTree.read(`${FOLDER}trees/${name}`);
  trees.set(name, read);
  return read.clone();
}

function policyText(name: PolicyName): string {
  if (!name.endsWith(' revoked')) return readFileSync(`${FOLDER}${name}.yaml`, 'utf8');
  const holder = name.slice(0, -' revoked'.length) as 'ada' | 'nina' | 'engine';
  return `${revokedPolicy(holder, LONG_BEFORE)}${packLine(vectorPack())}`;
}

function trusted(text: string): VerifyTrust['policies'][number] {
  return { sha256: sha256Of(text), policy: policySchema.parse(parse(text)) };
}

const policies = new Map<PolicyName, VerifyTrust['policies'][number]>();

function policy(name: PolicyName): VerifyTrust['policies'][number] {
  const read = policies.get(name) ?? trusted(policyText(name));
  policies.set(name, read);
  return read;
}

const trust = (names: readonly PolicyName[] = RUN_POLICIES): VerifyTrust => ({ policies: names.map(policy) });

const verify = (tree: MutableTree, judgedBy = trust()): Promise<TreeVerdict> => judgeTree(tree.reader(), judgedBy);

/** What a recipe leads to: the code of the first failure, or of the PromptOS policy file's own check. */
async function codeOf(recipe: Recipe): Promise<string | null> {
  const {
    tree: name,
    break: change,
    promptosPolicy,
    runId,
    onDisk,
    policyTexts,
    through = (reader) => reader,
  } = recipe;
  const tree = genuine(name);
  change(tree, genuine);
  const promptos =
    promptosPolicy === undefined ? {} : { promptosPolicy: parsePromptOsPolicy(JSON.stringify(promptosPolicy), 'file') };
  const handedIn = policyTexts === undefined ? trust(recipe.policies) : { policies: policyTexts.map(trusted) };
  const judgedBy = { ...handedIn, ...promptos, ...(runId === undefined ? {} : { runId }) };
  const verdict = onDisk ? await onDiskVerdict(tree, judgedBy) : await judgeTree(through(tree.reader()), judgedBy);
  if (verdict.verified) return null;
  const outcome =
    promptosPolicy === undefined ? verdict.first : verdict.outcomes.find(({ check }) => check === 'promptos_policy');
  return outcome?.failure?.code ?? null;
}

async function onDiskVerdict(tree: MutableTree, judgedBy: VerifyTrust): Promise<TreeVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'promptos-vectors-'));
  try {
    tree.writeTo(folder);
    return await judgeTree(await openFolderTree(folder), judgedBy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('genuine trees', () => {
  test.each(TREE_NAMES)('%s: verified, with nothing done to it', async (name) => {
    const { verified, first } = await verify(genuine(name));
    expect(first?.failure ?? null).toBeNull();
    expect(verified).toBe(true);
  });

  test.each(TREE_NAMES)('%s: verified in a folder too', async (name) => {
    expect(await onDiskVerdict(genuine(name), trust())).toMatchObject({ verified: true, first: null });
  });

  test.each(TREE_NAMES.filter((name) => name !== 'unsigned'))('%s: forging nothing changes no byte', (name) => {
    const tree = genuine(name);
    const forged = forge(tree.clone(), ALL_KEYS);
    expect(forged.paths()).toEqual(tree.paths());
    expect(forged.paths().filter((path) => !forged.bytes(path).equals(tree.bytes(path)))).toEqual([]);
  });

  test('forked: verified, and the fork is shown for ever', async () => {
    const { remarks } = await verify(genuine('forked'));
    expect(remarks.join()).toMatch(/fork E1 \(continue by ivan\): \d entries of the journal are not part of the run/);
  });

  test('a key that is revoked later: what it signed before stays', async () => {
    const later = trusted(`${revokedPolicy('grace', '2099-01-01T00:00:00Z')}${packLine(vectorPack())}`);
    const judgedBy = { policies: [...trust().policies, later] };
    expect(await verify(genuine('straight'), judgedBy)).toMatchObject({ verified: true });
  });

  test.each(WINDOW_CASES)('a second key of $holder that counts: a $kind by it is verified', async (one) => {
    const { kind, holder, tree } = one;
    const text = policyWithSecondKey(holder, ', valid_from: 2026-01-01T00:00:00Z, valid_until: 2099-01-01T00:00:00Z');
    const signed = underPolicy(genuine(tree), text, { kind, holder, key: VECTOR_KEYS.stranger });
    const { first, verified } = await verify(signed, { policies: [trusted(text)] });
    expect(first?.failure ?? null).toBeNull();
    expect(verified).toBe(true);
  });

  test.each(['[example]', "['exam*']", "['*']", '[billing, example]'])(
    'a policy that governs %s: a run of the repository example is verified',
    async (repositories) => {
      const text = policyFor(repositories);
      const { first } = await verify(underPolicy(genuine('rejected'), text), { policies: [trusted(text)] });
      expect(first?.failure ?? null).toBeNull();
    },
  );

  test('no policy handed in: verified, and said loudly that the tree vouches for itself', async () => {
    const { verified, remarks } = await verify(genuine('straight'), { policies: [] });
    expect(verified).toBe(true);
    expect(remarks.join()).toContain('vouches for itself');
  });

  test('unsigned: verified, and everything unsigned is reported', async () => {
    const { remarks } = await verify(genuine('unsigned'));
    expect(remarks.filter((remark) => /^(unauthenticated|unsealed|unsigned):/.test(remark))).toHaveLength(4);
  });

  test('a PromptOS policy file that asks for what is so: verified', async () => {
    const promptosPolicy = parsePromptOsPolicy(
      JSON.stringify({
        required_promptos_version: 'v1.2.3',
        enforce_hash_validation: true,
        require_prompts_declared: true,
        require_chain_validation: true,
        require_run_binding: true,
      }),
      'file',
    );
    expect(await verify(genuine('reworked'), { ...trust(), promptosPolicy })).toMatchObject({ verified: true });
  });
});

describe('trees of rules version 1', () => {
  const versionOne = `${FOLDER}version-1/`;
  const names = ['straight', 'reworked', 'escalated', 'rejected', 'cancelled', 'unopened', 'rotated', 'unsigned'];
  const judgedBy: VerifyTrust = {
    policies: RUN_POLICIES.map((name) => trusted(readFileSync(`${versionOne}${name}.yaml`, 'utf8'))),
  };

  test.each(names)('%s: still verified under its policy', async (name) => {
    const { verified, first } = await verify(MutableTree.read(`${versionOne}trees/${name}`), judgedBy);
    expect(first?.failure ?? null).toBeNull();
    expect(verified).toBe(true);
  });

  test('straight: said to have no journal', async () => {
    const { remarks } = await verify(MutableTree.read(`${versionOne}trees/straight`), judgedBy);
    expect(remarks.join()).toContain('no journal: the run is from before runs had one');
  });
});

describe('what a journal holds beside the run', () => {
  const afterwards = async (change: Recipe['break']) => {
    const tree = genuine('straight');
    change(tree, genuine);
    return verify(tree);
  };

  test('a message that came once the run had closed: verified, and shown', async () => {
    const { verified, remarks } = await afterwards(beforeEnd(rejection));
    expect(verified).toBe(true);
    expect(remarks.join()).toContain('not part of the run: reject of P00.1.1 by grace');
  });

  test.each<[string, Recipe['break']]>([
    ['a head that an unknown key signed', beforeClose(otherHead('engine', VECTOR_KEYS.stranger))],
    ["a head that a role signed in another's name", beforeClose(otherHead('vera', VECTOR_KEYS.nina))],
    ['a message about another run', beforeClose((tree) => rejection(tree, { run_id: 'vector-another' }))],
    ["a message in another person's name", beforeClose((tree) => rejection(tree, {}, VECTOR_KEYS.nina))],
    ['a message that an unknown key signed', beforeClose((tree) => rejection(tree, {}, VECTOR_KEYS.stranger))],
    ['what is no entry', beforeEnd(() => null)],
  ])('%s: counts for nothing, and the run is verified', async (_, change) => {
    expect(await afterwards(change)).toMatchObject({ verified: true, first: null });
  });

  test('rules lowered by the engine and every role together: records name the rules, and decisions bind records', async () => {
    const { first } = await afterwards((tree) => lowered(signedAsFirst(tree), undefined, ALL_KEYS));
    expect(first?.failure?.code).toBe('ATTEMPT_DIFFERS');
  });
});

describe.each(Object.entries(RECIPES))('%s', (_, recipes) => {
  test.each(recipes.map((recipe) => [recipe.name, recipe] as const))('%s', async (_name, recipe) => {
    expect(await codeOf(recipe)).toBe(recipe.code);
  });
});

describe('any byte at all', () => {
  const places = fc.record({
    name: fc.constantFrom(...TREE_NAMES.filter((name) => name !== 'unsigned')),
    file: fc.nat(),
    at: fc.nat(),
    how: fc.constantFrom('flip' as const, 'drop' as const, 'insert' as const, 'cut' as const),
    bit: fc.integer({ min: 0, max: 7 }),
  });

  test('of a signed tree: changed, dropped, added or cut off, and the tree is not verified', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ({ name, file, at, how, bit }) => {
        const tree = genuine(name);
        const path = tree.paths()[file % tree.paths().length] ?? '';
        const bytes = tree.bytes(path);
        const place = bytes.length === 0 ? 0 : at % bytes.length;
        const [before, here, after] = [bytes.subarray(0, place), bytes[place] ?? 0, bytes.subarray(place + 1)];
        const changed = Buffer.from([here ^ (1 << bit)]);
        if (how === 'flip') tree.put(path, Buffer.concat([before, changed, after]));
        else if (how === 'insert') tree.put(path, Buffer.concat([before, changed, bytes.subarray(place)]));
        else if (bytes.length === 0) tree.remove(path);
        else tree.put(path, how === 'drop' ? Buffer.concat([before, after]) : before);
        expect((await verify(tree)).verified, `${name} ${path} ${how} at ${place}`).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the recipes', () => {
  const all = Object.values(RECIPES).flat();

  test('there are a hundred at least, each with a name of its own', () => {
    expect(new Set(all.map(({ tree, name }) => `${tree} ${name}`)).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(100);
  });

  test('every code of the verifier is hit by one', () => {
    const roleLies = [...WRITER_LIES, ...VERIFIER_LIES, ...REVIEWER_LIES];
    const hit = new Set<string>([...all, ...roleLies].map(({ code }) => code));
    expect(Object.keys(VERIFY_CODES).filter((code) => !hit.has(code))).toEqual([]);
  });

  test('a recipe that does nothing: the tree stays verified, so it would be noticed', async () => {
    const nothing: Recipe = { name: 'nothing', tree: 'straight', break: () => undefined, code: 'DIGEST_MISMATCH' };
    expect(await codeOf(nothing)).toBeNull();
  });
});
