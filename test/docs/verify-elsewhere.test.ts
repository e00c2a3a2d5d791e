import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const VECTORS = fileURLToPath(new URL('../vectors/', import.meta.url));
const POLICY = join(VECTORS, 'policy.yaml');
const page = await readFile(new URL('../../docs/verify-elsewhere.md', import.meta.url), 'utf8');

const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code);
/** Everything but what installs and starts Python. */
const SCRIPT = `set -eu\n${blocks('sh')
  .filter((code) => !code.includes('venv'))
  .join('\n')}`;

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const hasTools =
  works('jq', '--version') &&
  works('sha256sum', '--version') &&
  /^OpenSSL [3-9]/.test(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? '');
/** A Python that has the libraries of the page; `VERIFY_ELSEWHERE_PYTHON` names one. */
const python = process.env.VERIFY_ELSEWHERE_PYTHON ?? 'python3';
const hasPython = works(python, '-c', 'import securesystemslib.dsse, in_toto_attestation, cryptography');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-elsewhere-'));
  await mkdir(join(folder, 'work'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A tree that may be changed. */
async function copyTree(name: string): Promise<string> {
  const tree = join(folder, 'tree');
  await cp(join(VECTORS, 'trees', name), tree, { recursive: true });
  return tree;
}

const change = async (tree: string, path: string, edit: (text: string) => string): Promise<void> => {
  const text = await readFile(join(tree, path), 'utf8');
  const changed = edit(text);
  expect(changed).not.toBe(text);
  await writeFile(join(tree, path), changed);
};

const runShell = (tree: string, policy = POLICY) =>
  spawnSync('sh', ['-c', SCRIPT], {
    cwd: tree,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, POLICY: policy, WORK: join(folder, 'work') },
  });

async function runPython(tree: string) {
  const script = join(folder, 'verify_attestations.py');
  await writeFile(script, blocks('python').join('\n'));
  const input = await readFile(join(tree, 'evidence/attestations/bundle.jsonl'));
  return spawnSync(python, [script, POLICY], { input, encoding: 'utf8' });
}

describe.skipIf(!hasTools)('docs/verify-elsewhere.md: sha256sum, jq, ssh-keygen and OpenSSL', () => {
  test.each(['straight', 'reworked', 'escalated'])('the unchanged page accepts the genuine tree "%s"', async (name) => {
    const { status, stdout, stderr } = runShell(await copyTree(name));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.match(/Signature Verified Successfully/g)).toHaveLength(2);
    expect(stdout).toMatch(/grace approves P00/);
  });

  test.each<[string, string, (text: string) => string]>([
    ['an artifact was changed', 'plan.md', (text) => `${text}\n`],
    ['the record was changed', 'run_record.json', (text) => text.replace('"approved"', '"rejected"')],
    ['the tail of the ledger was cut off', 'evidence/ledger.jsonl', (text) => text.split('\n').slice(0, -2).join('\n')],
    [
      'a signature is not over this payload',
      'evidence/attestations/run-record.dsse.json',
      (text) => text.replace(/"payload": "(.)/, '"payload": "A$1'),
    ],
  ])('the page refuses a tree when %s', async (_, path, edit) => {
    const tree = await copyTree('straight');
    await change(tree, path, edit);
    expect(runShell(tree).status).not.toBe(0);
  });

  test('the page refuses a tree with a file too many, and one that another policy governed', async () => {
    const tree = await copyTree('straight');
    const other = join(folder, 'policy.yaml');
    await writeFile(other, `${await readFile(POLICY, 'utf8')}\n`);
    expect(runShell(tree, other).status).not.toBe(0);
    expect(runShell(tree).status).toBe(0);
    await writeFile(join(tree, 'evidence/more.txt'), '');
    expect(runShell(tree).status).not.toBe(0);
  });
});

describe.skipIf(!hasPython)('docs/verify-elsewhere.md: Python, securesystemslib and in-toto', () => {
  test.each(['straight', 'reworked', 'escalated'])(
    'every attestation of the genuine tree "%s" verifies',
    async (name) => {
      const { status, stdout, stderr } = await runPython(await copyTree(name));
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('https://slsa.dev/provenance/v1 patch/change.patch');
      expect(stdout).toContain('https://in-toto.io/attestation/test-result/v0.1 patch/change.patch');
    },
  );

  test('a payload that was changed does not', async () => {
    const tree = await copyTree('straight');
    await change(tree, 'evidence/attestations/bundle.jsonl', (text) =>
      text.replace(/"payload":"(.)/, '"payload":"A$1'),
    );
    expect((await runPython(tree)).status).not.toBe(0);
  });
});
