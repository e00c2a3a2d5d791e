import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createCheckCaches } from '../../../src/adapters/checks/check-caches.js';
import { createCheckRunner } from '../../../src/adapters/checks/check-runner.js';
import { removeFolder } from '../../../src/adapters/platform/leftovers.js';
import { printedText } from '../../support/printed.js';

/*
 * Package managers as the machine has them, each with a registry of this test's own: what a check of committed code
 * downloads is there for the next, which reaches no registry.
 */

let root: string;
let checkouts = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-tools-'));
});
afterEach(() => removeFolder(root));

async function check(files: Readonly<Record<string, string>>, command: string, env: Readonly<Record<string, string>>) {
  checkouts += 1;
  const directory = join(root, `checkout-${checkouts}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const runner = createCheckRunner({
    allow: ['*'],
    env: process.env,
    scratchRoot: join(root, 'scratch'),
    caches: createCheckCaches(join(root, 'check-caches')),
  });
  const { status, stdout, stderr } = await runner.run({
    name: 'tests',
    argv: ['sh', '-c', command],
    env,
    cache: { repository: 'shop', policy_sha256: 'a'.repeat(64), keep: true },
    timeout_ms: 120_000,
    directory,
    signal: new AbortController().signal,
  });
  return { status, output: printedText(stdout) + printedText(stderr) };
}

const has = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

test('check caches: npm takes a package from the cache of the check before', async () => {
  mkdirSync(join(root, 'package'));
  writeFileSync(join(root, 'package/package.json'), '{"name":"left","version":"1.0.0","main":"i.js"}');
  writeFileSync(join(root, 'package/i.js'), 'module.exports = 42;\n');
  execFileSync('tar', ['-czf', 'left.tgz', 'package'], { cwd: root });
  const tarball = readFileSync(join(root, 'left.tgz'));
  let downloads = 0;
  const registry = createServer((_, response) => {
    downloads += 1;
    response.end(tarball);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void registry.close());
  await once(registry, 'listening');
  const resolved = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/left.tgz`;
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dependencies = { left: '1.0.0' };
  const files = {
    'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', dependencies }),
    'package-lock.json': JSON.stringify({
      name: 'shop',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: {
        '': { name: 'shop', version: '1.0.0', dependencies },
        'node_modules/left': { version: '1.0.0', resolved, integrity },
      },
    }),
  };
  const command = `npm ci --no-audit --no-fund && node -p 'require("left")'`;
  for (const _ of [1, 2]) {
    const { status, output } = await check(files, command, {});
    expect(output).toContain('42');
    expect(status).toBe('passed');
  }
  expect(downloads).toBe(1);
});

test.skipIf(!has('go'))('check caches: go takes a module from the cache of the check before', async () => {
  const proxy = join(root, 'proxy/example.org/left/@v');
  const module = 'module example.org/left\n\ngo 1.20\n';
  mkdirSync(proxy, { recursive: true });
  writeFileSync(join(proxy, 'v1.0.0.mod'), module);
  writeFileSync(join(proxy, 'v1.0.0.info'), '{"Version":"v1.0.0","Time":"2026-01-02T00:00:00Z"}');
  const inZip = join(root, 'zip/example.org/left@v1.0.0');
  mkdirSync(inZip, { recursive: true });
  writeFileSync(join(inZip, 'go.mod'), module);
  writeFileSync(join(inZip, 'left.go'), 'package left\n\nconst Answer = "42"\n');
  const zip = `import os, zipfile
z = zipfile.ZipFile('${join(proxy, 'v1.0.0.zip')}', 'w')
for name in ['go.mod', 'left.go']: z.write('${inZip}/' + name, 'example.org/left@v1.0.0/' + name)
z.close()`;
  execFileSync('python3', ['-c', zip]);
  const hash = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
  const h1 = (entries: readonly (readonly [string, string])[]) =>
    `h1:${createHash('sha256')
      .update(entries.map(([name, text]) => `${hash(text)}  ${name}\n`).join(''))
      .digest('base64')}`;
  const source = readFileSync(join(inZip, 'left.go'), 'utf8');
  const at = 'example.org/left@v1.0.0';
  const files = {
    'go.mod': 'module example.org/shop\n\ngo 1.20\n\nrequire example.org/left v1.0.0\n',
    'go.sum': `example.org/left v1.0.0 ${h1([
      [`${at}/go.mod`, module],
      [`${at}/left.go`, source],
    ])}\nexample.org/left v1.0.0/go.mod ${h1([['go.mod', module]])}\n`,
    'main.go': 'package main\n\nimport "example.org/left"\n\nfunc main() { println(left.Answer) }\n',
  };
  const env = { GONOSUMDB: '*', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' };
  const first = await check(files, 'go run .', { ...env, GOPROXY: `file://${join(root, 'proxy')}` });
  expect(first.output).toContain('42');
  const second = await check(files, 'go run .', { ...env, GOPROXY: 'off' });
  expect(second.output).toContain('42');
  const other = { ...files, 'go.sum': `${files['go.sum']}\n` };
  expect((await check(other, 'go run .', { ...env, GOPROXY: 'off' })).status).toBe('failed');
});

test.skipIf(!has('go'))('check caches: a test of go runs again, whatever it came to before', async () => {
  const files = (answer: string) => ({
    'go.mod': 'module example.org/shop\n\ngo 1.20\n',
    'tool/main.go': `package main\n\nfunc main() { print("${answer}") }\n`,
    // Go does not see that the program which the test runs is another one.
    'it/it_test.go': `package it

import ("os/exec"; "testing")

func TestTool(t *testing.T) {
  out, _ := exec.Command("go", "run", "example.org/shop/tool").CombinedOutput()
  if string(out) != "right" { t.Fatal(string(out)) }
}
`,
  });
  const env = { GOFLAGS: '-trimpath', GOTOOLCHAIN: 'local', GOPROXY: 'off' };
  expect((await check(files('right'), 'go test ./it', env)).status).toBe('passed');
  const { status, output } = await check(files('wrong'), 'go test ./it', env);
  expect(output).not.toContain('(cached)');
  expect(status).toBe('failed');
});
