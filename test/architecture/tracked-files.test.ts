import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findMachineTraces, readTrackedFiles } from './tracked-files.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Files whose subject is such paths and hosts: rules that look for them, and the tests of those rules. */
const ABOUT_THEM = /^(?:test\/|src\/prompt-pack\/|src\/rules\/)/;

test('tracked files: none says where it was written', () => {
  const files = [...readTrackedFiles(ROOT)].filter(([path]) => !ABOUT_THEM.test(path));
  expect(files.length).toBeGreaterThan(50);
  expect(findMachineTraces(new Map(files), ROOT)).toEqual([]);
});

test('tracked files: not one holds the path of this checkout', () => {
  const holders = [...readTrackedFiles(ROOT)].filter(([, text]) => ROOT.split('/').length > 2 && text.includes(ROOT));
  expect(holders.map(([path]) => path)).toEqual([]);
});

test('tracked files: a home folder, a checkout and a registry are each found', () => {
  const bad = new Map([
    ['a.md', 'See\n/srv/checkouts/promptos/src/main.ts.'],
    ['b.ts', "const home = '/home/ada/project';\nconst other = 'C:\\Users\\ada';"],
    ['package-lock.json', '"resolved": "https://registry.npmjs.org/zod"\n"https://npm.artifactory.example.org/zod"'],
    ['worker.yaml', 'hosts: [registry.npmjs.org]\nhosts: [registry.npmjs.org, npm.nexus.example.org:8081]'],
    ['.npmrc', '//registry.example.org/:always-auth=true'],
    ['fine.ts', "import { a } from './executor-registry.test.js'; registry.forPrincipal('a').execute();"],
    ['fine.md', 'https://docs.example.org/home/ada/page and $HOME/project and ~/project'],
  ]);
  expect(findMachineTraces(bad, '/srv/checkouts/promptos')).toEqual([
    'a.md:2: a path of one machine',
    'b.ts:1: a path of one machine',
    'b.ts:2: a path of one machine',
    "package-lock.json:1: a package registry's host",
    "package-lock.json:2: a package registry's host",
    "worker.yaml:2: a package registry's host",
    ".npmrc:1: a package registry's host",
  ]);
});
