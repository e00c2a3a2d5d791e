import { beforeAll, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../src/contracts/digest.js';
import { parsePromptOsPolicy } from '../../../src/verify/trust.js';
import { judgeTree } from '../../../src/verify/verify-tree.js';
import { Forgery } from '../forgery.js';
import { type GenuineRun, genuineRun } from '../genuine-run.js';
import { memoryTree } from '../memory-tree.js';

const SESSION = 'evidence/prompt_session.json';
const ALL = `required_promptos_version: VERSION
enforce_hash_validation: true
require_prompts_declared: true
require_chain_validation: true
require_run_binding: true
`;

let genuine: GenuineRun;
let version: string;
beforeAll(async () => {
  genuine = await genuineRun({ story: 'straight' });
  version = JSON.parse(new Forgery(genuine.files).text(SESSION)).prompt_os_version;
});

const judge = async (tree: Forgery, text: string) => {
  const promptosPolicy = parsePromptOsPolicy(text, 'policy.yaml');
  const verdict = await judgeTree(memoryTree(tree.files), { policies: [genuine.policy], promptosPolicy });
  return verdict.outcomes.find(({ check }) => check === 'promptos_policy');
};

/** Writes the session again with the change; hashes are computed unless the change sets them. */
function rewriteSession(tree: Forgery, change: (session: Record<string, unknown>) => void, hashes = true): Forgery {
  return tree
    .edit(SESSION, (text) => {
      const { artifact_hash, chain_hash, ...fields } = JSON.parse(text);
      change(fields);
      const artifact = hashes ? sha256Hex(`${JSON.stringify(fields, null, 2)}\n`) : artifact_hash;
      const chain = hashes ? sha256Hex(artifact + fields.timestamp_utc) : chain_hash;
      return `${JSON.stringify({ ...fields, artifact_hash: artifact, chain_hash: chain }, null, 2)}\n`;
    })
    .put('evidence/prompt_session.sha256', `${sha256Hex(tree.text(SESSION))}  prompt_session.json\n`)
    .relist();
}

describe('the PromptOS policy file', () => {
  test('all five fields are kept by a genuine tree, with or without the v of a tag', async () => {
    const tree = new Forgery(genuine.files);
    for (const wanted of [version, `v${version.replace(/^v/, '')}`, version.replace(/^v/, '')]) {
      expect(await judge(tree, ALL.replace('VERSION', wanted))).toMatchObject({ status: 'ok', remarks: [] });
    }
  });

  test('required_promptos_version: another version is refused', async () => {
    const outcome = await judge(new Forgery(genuine.files), 'required_promptos_version: v9.9.9');
    expect(outcome?.failure).toMatchObject({ code: 'PROMPTOS_VERSION', expected: '9.9.9' });
  });

  test('enforce_hash_validation: a session that was edited is refused, and taken where nothing is asked', async () => {
    const edited = () =>
      rewriteSession(new Forgery(genuine.files), (session) => Object.assign(session, { notes: 'x' }), false);
    expect((await judge(edited(), 'enforce_hash_validation: true'))?.failure?.code).toBe('PROMPTOS_HASH');
    expect((await judge(edited(), 'enforce_hash_validation: false'))?.status).toBe('ok');
  });

  test('enforce_hash_validation: another sidecar is refused', async () => {
    const tree = new Forgery(genuine.files)
      .put('evidence/prompt_session.sha256', `${'0'.repeat(64)}  prompt_session.json\n`)
      .relist();
    expect((await judge(tree, 'enforce_hash_validation: true'))?.failure?.code).toBe('PROMPTOS_HASH');
  });

  test.each([[[]], [['P00', 'P99']], [['P00']]])('require_prompts_declared: %j is refused', async (prompts_used) => {
    const tree = rewriteSession(new Forgery(genuine.files), (session) => Object.assign(session, { prompts_used }));
    expect((await judge(tree, 'require_prompts_declared: true'))?.failure?.code).toBe('PROMPTOS_PROMPTS');
    expect((await judge(tree, 'require_prompts_declared: false'))?.status).toBe('ok');
  });

  test('require_chain_validation: another chain hash is refused', async () => {
    const tree = new Forgery(genuine.files)
      .json<Record<string, unknown>>(SESSION, (session) => Object.assign(session, { chain_hash: '0'.repeat(64) }))
      .relist();
    expect((await judge(tree, 'require_chain_validation: true'))?.failure?.code).toBe('PROMPTOS_CHAIN');
    expect((await judge(tree, 'require_chain_validation: false'))?.status).toBe('ok');
  });

  test('require_run_binding: a session that the record does not name is refused', async () => {
    const tree = rewriteSession(new Forgery(genuine.files), (session) => Object.assign(session, { notes: 'x' }));
    expect((await judge(tree, 'require_run_binding: true'))?.failure?.code).toBe('PROMPTOS_BINDING');
    expect((await judge(tree, 'require_run_binding: false'))?.status).toBe('ok');
  });

  test('a field that nothing enforces is said, never passed over', async () => {
    const outcome = await judge(new Forgery(genuine.files), 'require_chain_validation: true\nmin_reviewers: 2');
    expect(outcome?.remarks).toEqual([expect.stringContaining('min_reviewers')]);
  });

  test.each([
    ['no field that is enforced', 'name: ours'],
    ['a range of versions', 'required_promptos_version: ">=1.0.0"'],
    ['text for a flag', 'require_run_binding: "yes"'],
    ['a list', '- require_run_binding'],
    ['a key twice', 'require_run_binding: true\nrequire_run_binding: false'],
    ['nothing', ''],
  ])('a file with %s is refused before anything is checked', (_name, text) => {
    expect(() => parsePromptOsPolicy(text, 'policy.yaml')).toThrowError(
      expect.objectContaining({ code: 'POLICY_INVALID' }),
    );
  });
});
