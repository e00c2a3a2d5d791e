import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  checkAdapters,
  checkBundle,
  checkCliLayers,
  checkComposition,
  checkDirections,
  checkEnvironment,
  checkExports,
  checkFolderCircles,
  checkFolderMaking,
  checkFolders,
  checkLength,
  checkMarks,
  checkPurity,
  checkTargets,
  checkTemporal,
  findCycles,
  type Problems,
} from './rules.js';
import { importsOf, readSourceTree, type SourceTree } from './source-tree.js';

const SOURCES = readSourceTree(fileURLToPath(new URL('../../src', import.meta.url)));

interface RuleTrial {
  readonly rule: (tree: SourceTree) => Problems;
  /** A small tree that breaks the rule, … */
  readonly bad: Readonly<Record<string, string>>;
  /** … and what the rule must say of it. */
  readonly problems: Problems;
}

const TRIALS: Readonly<Record<string, RuleTrial>> = {
  'imports go the way of the table': {
    rule: checkDirections,
    bad: {
      'activities/run.ts': "import { run } from '../adapters/run.js';\nimport type { A } from '../contracts/a.js';",
      'adapters/run.ts': 'export const run = 1;',
      'attic/a.ts': '',
      'cli/runs/show.ts': "import { body } from '../../workflows/body.js';\nimport '../../workflows/messages.js';",
      'contracts/a.ts': "import type { Port } from '../ports/p.js';",
      'ports/p.ts': 'export interface Port {}',
      'workflows/body.ts': "const lazy = () => import('../activities/run.js');",
      'workflows/messages.ts': '',
    },
    problems: [
      'attic: not in the table of rooms',
      'activities/run.ts imports adapters/run.ts',
      'cli/runs/show.ts imports workflows/body.ts',
      'contracts/a.ts imports ports/p.ts',
      'workflows/body.ts imports activities/run.ts',
    ],
  },
  'families of commands are layers': {
    rule: checkCliLayers,
    bad: {
      'cli/app/output.ts': "import type { Run } from '../runs/run.js';",
      'cli/attic.ts': '',
      'cli/completion.ts': "import { run } from './runs/run.js';",
      'cli/decide/answer.ts': "import { run } from '../runs/run.js';\nimport { own } from './own.js';",
      'cli/decide/own.ts': '',
      'cli/program.ts': "import { answer } from './decide/answer.js';",
      'cli/runs/run.ts': "const answer = () => import('../decide/answer.js');",
    },
    problems: [
      'cli/attic.ts is in no family of commands',
      'cli/app/output.ts imports cli/runs/run.ts',
      'cli/runs/run.ts imports cli/decide/answer.ts',
    ],
  },
  'relative imports lead to a file': {
    rule: checkTargets,
    bad: { 'cli/a.ts': "import { b } from './b.js';\nimport { join } from 'node:path';\nimport { z } from 'zod';" },
    problems: ['cli/a.ts imports cli/b.js, which is missing'],
  },
  'Temporal stays out of adapters and pure rooms': {
    rule: checkTemporal,
    bad: {
      'adapters/a.ts': "import { Context } from '@temporalio/activity';",
      'domain/run/b.ts': "import type { Duration } from '@temporalio/common';",
      'workflows/c.ts':
        "import { condition } from '@temporalio/workflow';\nimport { Client } from '@temporalio/client';",
    },
    problems: [
      'adapters/a.ts imports @temporalio/activity',
      'domain/run/b.ts imports @temporalio/common',
      'workflows/c.ts imports @temporalio/client',
    ],
  },
  'pure rooms are pure': {
    rule: checkPurity,
    bad: {
      'rules/builtin.ts': "import { join } from 'node:path';",
      'workflows/builtin.ts': "import { createHash } from 'crypto';",
      'domain/run/process.ts': 'export const home = process.env.HOME;',
      'domain/run/now.ts': 'export const at = Date.now();',
      'domain/run/today.ts': 'export const at = new Date().toISOString();',
      'contracts/random.ts': 'export const dice = Math.random();',
      'prompt-pack/wait.ts': 'setTimeout(() => undefined, 5);',
      'domain/attest/call.ts': "await fetch('https://example.org');",
      'domain/run/state.ts': 'let runs = 0;\nexport const next = () => (runs += 1);',
      'domain/run/fine.ts': '// Date.now() is not called\nexport const at = (ms: number) => new Date(ms);',
    },
    problems: [
      'rules/builtin.ts imports node:path',
      'workflows/builtin.ts imports crypto',
      'domain/run/process.ts reads the process',
      'domain/run/now.ts reads the clock',
      'domain/run/today.ts reads the clock',
      'contracts/random.ts is random',
      'prompt-pack/wait.ts starts a timer',
      'domain/attest/call.ts does input or output',
      'domain/run/state.ts keeps state',
    ],
  },
  'only config reads the environment': {
    rule: checkEnvironment,
    bad: {
      'activities/a.ts': 'export const home = process.env.HOME;',
      'config/environment.ts': 'export const home = process.env.HOME;',
    },
    problems: ['activities/a.ts reads process.env'],
  },
  'no schema library reaches the workflow bundle': {
    rule: checkBundle,
    bad: {
      'contracts/schemas.ts': "import { z } from 'zod';\nexport const a = z.string();",
      'contracts/between.ts': "export { a } from './schemas.js';",
      'domain/run/deep.ts': "import { a } from '../../contracts/between.js';",
      'rules/inline.ts': "import { type A } from '../contracts/schemas.js';",
      'workflows/fine.ts': "import type { A } from '../contracts/schemas.js';",
    },
    problems: [
      'domain/run/deep.ts → contracts/between.ts → contracts/schemas.ts → zod',
      'rules/inline.ts → contracts/schemas.ts → zod',
    ],
  },
  'adapters import no other adapter': {
    rule: checkAdapters,
    bad: {
      'adapters/index.ts': "export { open } from './tree/open.js';",
      'adapters/git/run.ts': "import { lock } from '../platform/lock.js';",
      'adapters/platform/lock.ts': 'export const lock = 1;',
      'adapters/store/s3/bucket.ts': "import { limit } from '../limit.js';\nimport { run } from '../../git/run.js';",
      'adapters/store/limit.ts': "import { open } from '../tree/open.js';",
      'adapters/tree/open.ts': 'export const open = 1;',
    },
    problems: ['adapters/store/limit.ts imports adapters/tree/open.ts'],
  },
  'only the worker and the command line build adapters': {
    rule: checkComposition,
    bad: {
      'adapters/index.ts': "export { createStore } from './store/store.js';",
      'adapters/platform/lock.ts': 'export const lock = 1;',
      'adapters/store/store.ts': 'export const createStore = 1;',
      'embedded/server.ts': "import { lock } from '../adapters/platform/lock.js';",
      'cli/runs/show.ts': "import { createStore } from '../../adapters/store/store.js';",
      'plugin.ts': "import { createStore } from './adapters/index.js';",
      'worker.ts': "import { createStore } from './adapters/index.js';",
    },
    problems: ['plugin.ts imports adapters/index.ts'],
  },
  'exports are named one by one': {
    rule: checkExports,
    bad: {
      'contracts/all.ts': "export * from './a.js';",
      'contracts/types.ts': "export type * from './a.js';",
      'rules/default.ts': 'export default function rule() {}',
      'rules/renamed.ts': 'const a = 1;\nexport { a as default };',
    },
    problems: [
      'contracts/all.ts has an export *',
      'contracts/types.ts has an export *',
      'rules/default.ts has a default export',
      'rules/renamed.ts has a default export',
    ],
  },
  'no path of a person gets to a recursive mkdir': {
    rule: checkFolderMaking,
    bad: {
      'adapters/store/fs/layout.ts': 'await mkdir(root, { recursive: true });',
      'adapters/workspace/tree.ts': 'await mkdir(folder, { recursive: true });',
      'config/keys.ts': 'await mkdir(dirname(path), { recursive: true, mode: 0o700 });',
      'cli/start/one.ts': 'await mkdir(folder);\nawait rm(folder, { recursive: true });',
      'handoff/folder.ts': 'await mkdir(folder, { recursive: true });',
      'embedded/server.ts': 'mkdirSync(\n  stateDir,\n  { recursive: true },\n);',
    },
    problems: [
      "adapters/store/fs/layout.ts makes folders with Node's recursive mkdir",
      "config/keys.ts makes folders with Node's recursive mkdir",
      "handoff/folder.ts makes folders with Node's recursive mkdir",
      "embedded/server.ts makes folders with Node's recursive mkdir",
    ],
  },
  'temporary folders have the mark of their process': {
    rule: checkMarks,
    bad: {
      'adapters/platform/leftovers.ts': 'export const make = () => mkdtempSync(path);',
      'cli/trial.ts': "const folder = await mkdtemp(join(tmpdir(), 'trial-'));",
      'plugin/entry.ts': "const folder = mkdtempSync('entry-');",
      'plugin/fine.ts': '// mkdtemp() is not called',
    },
    problems: [
      'cli/trial.ts makes a temporary folder without the mark of its process',
      'plugin/entry.ts makes a temporary folder without the mark of its process',
    ],
  },
  'imports run in no circle': {
    rule: findCycles,
    bad: {
      'rules/a.ts': "import { b } from './b.js';",
      'rules/b.ts': "export type { C } from './c.js';",
      'rules/c.ts': "import {\n  type A,\n  a,\n} from './a.js';",
      'rules/d.ts': "import { a } from './a.js';",
    },
    problems: ['rules/a.ts → rules/b.ts → rules/c.ts → rules/a.ts'],
  },
  'files are short': {
    rule: checkLength,
    bad: { 'cli/long.ts': 'one\n'.repeat(351), 'cli/short.ts': 'one\n'.repeat(350) },
    problems: ['cli/long.ts has 351 lines'],
  },
  'folders hold few files': {
    rule: checkFolders,
    bad: Object.fromEntries(
      [...Array(25).keys()].flatMap((number) => [
        [`cli/many/${number}.ts`, ''],
        ...(number < 24 ? [[`cli/few/${number}.ts`, '']] : []),
      ]),
    ),
    problems: ['cli/many has 25 files'],
  },
  'the folders of a room are in layers': {
    rule: checkFolderCircles,
    bad: {
      'rules/top.ts': "import { a } from './low/a.js';",
      'rules/low/a.ts': "import { b } from '../middle/b.js';",
      'rules/middle/b.ts': "import type { Top } from '../top.js';",
      'rules/other/c.ts': "import { a } from '../low/a.js';",
      'domain/run/a.ts': "import { b } from '../judge/b.js';",
      'domain/judge/b.ts': "import type { A } from '../run/a.js';",
    },
    problems: ['rules → rules/low → rules/middle → rules'],
  },
};

test.each(Object.entries(TRIALS))('architecture: %s', (_, { rule }) => {
  expect(rule(SOURCES)).toEqual([]);
});

test.each(Object.entries(TRIALS))(
  'architecture rule "%s": refuses a tree that breaks it',
  (_, { rule, bad, problems }) => {
    expect(rule(new Map(Object.entries(bad)))).toEqual(problems);
  },
);

test('architecture: the reader of imports sees every way to write one', () => {
  const text = [
    "import a from './a.js';",
    "import * as b from './b.js';",
    "import type { C } from './c.js';",
    "import { type D } from './d.js';",
    "export { e } from './e.js';",
    "export type { F } from './f.js';",
    "import './g.js';",
    "const h = await import('./h.js');",
    "const i = require('./i.cjs');",
    "// import { never } from './comment.js';",
    "export const glob = 'src/**'; /* not a comment's end: */",
    'import {\n  j,\n  type J,\n} from "ignored";',
    "import {\n  k,\n  type K,\n} from './k.js';",
  ].join('\n');
  const found = importsOf(new Map([['cli/all.ts', text]]), 'cli/all.ts');
  expect(found.map(({ to, typeOnly }) => `${to}${typeOnly ? ' (type)' : ''}`).sort()).toEqual([
    'cli/a.js',
    'cli/b.js',
    'cli/c.js (type)',
    'cli/d.js',
    'cli/e.js',
    'cli/f.js (type)',
    'cli/g.js',
    'cli/h.js',
    'cli/i.cjs',
    'cli/k.js',
  ]);
});
