import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exceptCommand, ungovernedCommand } from '../../../../src/cli/audit/audit-commands.js';
import { sha256Hex } from '../../../../src/contracts/digest.js';
import { COMMIT_EXCEPTION, commitExceptionStatement } from '../../../../src/domain/attest/commit-exception.js';
import { statement } from '../../../../src/domain/attest/statement.js';
import { makeRunKeys, type RunKeys, signedPolicyText } from '../../../support/signed-finished-run.js';
import { type AuditedRepository, createAuditedRepository } from '../audited-repository.js';
import { verifyDigests } from '../verify/digest-verifier.js';

let audited: AuditedRepository;
let keys: RunKeys;
let base: string;
let hotfix: string;
let policy: string;

beforeEach(async () => {
  audited = await createAuditedRepository();
  keys = makeRunKeys();
  await audited.write('src/a.txt', 'a\n');
  base = audited.commitAll('base');
  await audited.write('.promptos/policy.yaml', signedPolicyText(keys));
  audited.commitAll('Introduce the policy');
  await audited.write('src/a.txt', 'b\n');
  hotfix = audited.commitAll('Hotfix');
  policy = join(audited.folder, 'policy.yaml');
  await writeFile(policy, signedPolicyText(keys));
  for (const name of ['ada', 'grace'] as const) {
    await writeFile(join(audited.folder, `${name}.pem`), keys[name].pem, { mode: 0o600 });
  }
});
afterEach(async () => {
  await audited.remove();
});

const except = (...args: readonly string[]) =>
  audited.invoke(
    exceptCommand,
    ...args,
    ...['--reason', 'Incident 42', '--expires', '30d', '--key', join(audited.folder, 'grace.pem')],
    '--json',
  );
async function ungoverned(...args: readonly string[]) {
  const { json, exitCode, stderr } = await audited.invoke(
    (context) => ungovernedCommand(context, verifyDigests),
    ...['--since', base, ...args, '--json'],
  );
  const covered = json.covered.map(({ subject, by }: Record<string, string>) => [subject, by]);
  const listed = Object.fromEntries(
    json.ungoverned.map(({ subject, reason }: Record<string, string>) => [subject, reason]),
  );
  return { json, exitCode, stderr, covered, listed };
}
const trusted = (file = policy) => ungoverned('--policy', file);

/** Commits an exception of the hotfix that some key signed. */
async function commitException(change: object = {}, key = keys.grace): Promise<void> {
  const commit_sha256 = sha256Hex(`${audited.git('cat-file', 'commit', hotfix)}\n`);
  const times = { signed_at: '2026-01-02T00:00:00.000Z', expires_at: '2999-01-01T00:00:00.000Z' };
  const exception = { commit: hotfix, commit_sha256, integrator: 'grace', reason: 'Incident 42', ...times, ...change };
  const envelope = key.seal(commitExceptionStatement(exception));
  await audited.write(`.promptos/exceptions/${hotfix}.json`, JSON.stringify(envelope));
  audited.commitAll('Except the hotfix');
}

describe('promptos except and ungoverned', () => {
  test('signed exceptions of the set-up and of a commit: nothing is listed, and who excepts what is shown', async () => {
    expect(Object.keys((await trusted()).listed)).toEqual(['Introduce the policy', 'Hotfix']);
    const setup = await except('--setup', '--as', 'grace');
    expect(setup.json).toMatchObject({ integrator: 'grace', reason: 'Incident 42', keyid: keys.grace.key.keyid });
    await except(hotfix.slice(0, 10), '--as', 'grace');
    audited.commitAll('Except both');
    const { exitCode, covered, json, stderr } = await trusted();
    expect(exitCode).toBe(0);
    expect(covered).toEqual([
      ['Introduce the policy', 'exception'],
      ['Hotfix', 'exception'],
      ['Except both', 'exceptions_added'],
    ]);
    expect(json.covered[1].exception).toEqual({
      integrator: 'grace',
      reason: 'Incident 42',
      expires_at: expect.stringMatching(/^\d{4}-/),
    });
    expect(stderr).toContain('excepted by grace until');
  });

  test('an exception that is not committed, or without --policy, does not count', async () => {
    await except(hotfix, '--as', 'grace');
    expect((await trusted()).listed).toHaveProperty('Hotfix');
    audited.commitAll('Except the hotfix');
    expect((await trusted()).listed).not.toHaveProperty('Hotfix');
    const { listed } = await ungoverned();
    expect(listed.Hotfix).toContain('counts only with --policy');
    expect(listed).toHaveProperty('Except the hotfix');
  });

  test('an expired exception lists the commit again, and --force renews it', async () => {
    await commitException({ expires_at: '2026-01-03T00:00:00.000Z' });
    const { listed, exitCode } = await trusted();
    expect(exitCode).toBe(1);
    expect(listed).toEqual({
      'Introduce the policy': expect.anything(),
      Hotfix: 'the exception of grace expired at 2026-01-03T00:00:00.000Z',
    });
    await expect(except(hotfix, '--as', 'grace')).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    await except(hotfix, '--as', 'grace', '--force');
    audited.commitAll('Renew');
    expect(Object.keys((await trusted()).listed)).toEqual(['Introduce the policy']);
  });

  test.each<[string, () => Promise<void>, string]>([
    ['signed by the developer', () => commitException({}, keys.ada), 'no key of an integrator'],
    ['signed by the developer for herself', () => commitException({ integrator: 'ada' }, keys.ada), 'no key of'],
    ['that names another integrator', () => commitException({ integrator: 'ada' }), 'is no key of ada'],
    ['about another commit', () => commitException({ commit: base }), 'it is about another commit'],
    ['about other bytes', () => commitException({ commit_sha256: '0'.repeat(64) }), 'it is about another commit'],
    ['without a time that exists', () => commitException({ expires_at: 'never' }), 'as instants'],
    ['without a reason', () => commitException({ reason: ' ' }), 'expected integrator, reason'],
  ])('an exception %s does not count, nor does the commit that adds it', async (_, commit, why) => {
    await commit();
    const { listed } = await trusted();
    expect(listed.Hotfix).toContain(why);
    expect(listed).toHaveProperty('Except the hotfix');
  });

  test('an envelope that is damaged, of another kind, or of no JSON does not count', async () => {
    const subject = [{ name: hotfix, digest: { sha256: '0'.repeat(64) } }];
    const other = statement('https://example.org/other', subject, { reason: 'x' });
    const sealed = keys.grace.seal(
      commitExceptionStatement({
        commit: hotfix,
        commit_sha256: '0'.repeat(64),
        integrator: 'grace',
        reason: 'x',
        signed_at: '2026-01-02T00:00:00Z',
        expires_at: '2999-01-01T00:00:00Z',
      }),
    );
    for (const [text, why] of [
      ['{', 'no DSSE envelope'],
      [JSON.stringify(keys.grace.seal(other)), COMMIT_EXCEPTION],
      [JSON.stringify({ ...sealed, payload: Buffer.from('{}').toString('base64') }), 'signature does not hold'],
      ['x'.repeat(70_000), 'more than 65536 bytes'],
    ] as const) {
      await audited.write(`.promptos/exceptions/${hotfix}.json`, text);
      audited.commitAll('Except the hotfix');
      expect((await trusted()).listed.Hotfix).toContain(why);
    }
  });

  test('a key that is revoked, in whichever policy, or had ended when it signed does not count', async () => {
    await commitException();
    const old = join(audited.folder, 'old.yaml');
    for (const [limit, why] of [
      ["revoked_at: '2026-06-01T00:00:00Z'", 'is revoked'],
      ["valid_until: '2026-01-01T00:00:00Z'", 'did not count at'],
    ] as const) {
      await writeFile(
        old,
        signedPolicyText(keys).replace(
          `grace: { kind: human, keys: [{ public: '${keys.grace.line}' }`,
          `grace: { kind: human, keys: [{ public: '${keys.grace.line}', ${limit} }`,
        ),
      );
      expect((await trusted(old)).listed.Hotfix).toContain(why);
    }
    await writeFile(
      old,
      signedPolicyText(keys).replace(
        `public: '${keys.grace.line}'`,
        `public: '${keys.grace.line}', revoked_at: '2026-06-01T00:00:00Z'`,
      ),
    );
    expect((await ungoverned('--policy', policy, '--policy', old)).listed.Hotfix).toContain('is revoked');
  });

  test('a commit that adds an exception and something else is listed', async () => {
    await except(hotfix, '--as', 'grace');
    await audited.write('src/smuggled.txt', 'x\n');
    audited.commitAll('Both');
    expect(Object.keys((await trusted()).listed)).toEqual(['Introduce the policy', 'Both']);
  });

  test('a commit that takes an exception away is listed, and so is what it covered', async () => {
    await commitException();
    await rm(join(audited.repo, '.promptos/exceptions'), { recursive: true });
    audited.commitAll('Take it away');
    expect(Object.keys((await trusted()).listed)).toEqual(['Introduce the policy', 'Hotfix', 'Take it away']);
  });

  test.each<[string, readonly string[], string]>([
    ['who is no integrator', ['HEAD', '--as', 'ada'], 'USAGE'],
    ['no commit at all', ['--as', 'grace'], 'USAGE'],
    ['a commit and --setup', ['HEAD', '--setup', '--as', 'grace'], 'USAGE'],
    ['a commit that does not exist', ['nothing', '--as', 'grace'], 'BASE_NOT_FOUND'],
  ])('except: refuses %s and writes nothing', async (_, args, code) => {
    await expect(except(...args)).rejects.toMatchObject({ code });
    expect(audited.git('status', '--porcelain')).toBe('');
  });

  test('except: refuses a key that the policy does not list, a blank reason and a duration of another form', async () => {
    const run = (reason: string, expires: string, key: string) =>
      audited.invoke(
        exceptCommand,
        ...['HEAD', '--as', 'grace', '--reason', reason, '--expires', expires, '--key', key],
      );
    const grace = join(audited.folder, 'grace.pem');
    await expect(run('x', '30d', join(audited.folder, 'ada.pem'))).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    await expect(run(' ', '30d', grace)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(run('x', 'soon', grace)).rejects.toMatchObject({ code: 'USAGE' });
    expect(audited.git('status', '--porcelain')).toBe('');
  });

  test('except: in a terminal it asks, and "no" signs nothing', async () => {
    const asked: string[] = [];
    const make = (context: Parameters<typeof exceptCommand>[0]) => {
      const output = { ...context.output(), interactive: true };
      const confirm = async (message: string) => asked.push(message) < 0;
      return exceptCommand({ ...context, output: () => output }, { confirm });
    };
    const args = ['HEAD', '--as', 'grace', '--reason', 'x', '--expires', '1d'];
    await expect(audited.invoke(make, ...args)).rejects.toMatchObject({ code: 'USAGE' });
    expect(asked).toEqual(['Sign as grace that no run has to cover this commit?']);
    expect(audited.git('status', '--porcelain')).toBe('');
  });
});
