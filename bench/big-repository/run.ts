import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createGitWorkspace } from '../../src/adapters/workspace/git-workspace.js';
import type { Checkout } from '../../src/ports/workspace.js';
import { median } from '../figures.js';
import { makeBigRepository } from './make-repository.js';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '50000' },
    bytes: { type: 'string', default: '1000000000' },
    rounds: { type: 'string', default: '3' },
    /** Milliseconds that an executor works, in which the next checkout may be prepared. */
    pause: { type: 'string', default: '30000' },
    json: { type: 'boolean' },
  },
});

interface Phase {
  readonly ms: number;
  readonly git: readonly string[];
}

const root = await realpath(await mkdtemp(join(tmpdir(), 'promptos-bench-')));
const log = join(root, 'git.log');

async function phase<T>(work: () => Promise<T>): Promise<{ readonly result: T } & Phase> {
  await rm(log, { force: true });
  const started = performance.now();
  const result = await work();
  const ms = performance.now() - started;
  const git = (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return { result, ms, git };
}

/** What one gate waits for: a checkout, the difference after it, and its removal. */
async function gate(make: () => Promise<Checkout>, edit: ((directory: string) => Promise<void>) | null) {
  const made = await phase(make);
  if (edit !== null) await edit(made.result.directory);
  const diff = await phase(() => made.result.diff());
  const discard = await phase(() => made.result.discard());
  const ms = made.ms + diff.ms + discard.ms;
  return { make: made.ms, diff: diff.ms, discard: discard.ms, ms, git: [...made.git, ...diff.git, ...discard.git] };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, Number(values.pause)));

try {
  const commit = await makeBigRepository(join(root, 'shop'), Number(values.files), Number(values.bytes));
  const programs = join(root, 'bin');
  await mkdir(programs);
  const path = process.env.PATH ?? '';
  await writeFile(join(programs, 'git'), `#!/bin/sh\necho "$1" >>'${log}'\nPATH='${path}' exec git "$@"\n`);
  await chmod(join(programs, 'git'), 0o755);
  const temporaryDir = join(root, 'tmp');
  await mkdir(temporaryDir);
  const workspace = createGitWorkspace({
    repositories: { shop: { path: join(root, 'shop') } },
    stateDir: join(root, 'state'),
    temporaryDir,
    env: { PATH: `${programs}:${path}` },
  });
  const make = () => workspace.checkout({ repository: 'shop', commit });
  const edit = async (directory: string): Promise<void> => {
    const [part = ''] = (await readdir(directory)).filter((name) => name.startsWith('part-'));
    const [folder = ''] = await readdir(join(directory, part));
    const [file = ''] = await readdir(join(directory, part, folder));
    await appendFile(join(directory, part, folder, file), 'changed\n');
  };
  // A patch that does not apply still has the mirror fetched.
  const mirror = await phase(() => workspace.checkPatch('shop', commit, Buffer.from('no patch\n')));
  const cold = await gate(make, null);
  const rounds = Number(values.rounds);
  const busy = [];
  for (let round = 0; round < rounds; round += 1) busy.push(await gate(make, null));
  const unchanged = [];
  for (let round = 0; round < rounds; round += 1) {
    await pause();
    unchanged.push(await gate(make, null));
  }
  const edited = [];
  for (let round = 0; round < rounds; round += 1) {
    await pause();
    edited.push(await gate(make, edit));
  }
  const snapshot = await phase(() => workspace.snapshot('shop'));
  const again = await phase(() => workspace.snapshot('shop'));
  const row = (what: string, gates: readonly (typeof cold)[]) => ({
    what,
    make_ms: median(gates.map((one) => one.make)),
    diff_ms: median(gates.map((one) => one.diff)),
    discard_ms: median(gates.map((one) => one.discard)),
    gate_ms: median(gates.map((one) => one.ms)),
    git: median(gates.map((one) => one.git.length)),
  });
  const single = (what: string, { ms, git }: Phase) => ({
    ...{ what, make_ms: 0, diff_ms: 0, discard_ms: 0, gate_ms: ms, git: git.length },
  });
  const rows = [
    single('mirror, once for each base commit', mirror),
    row('cold gate', [cold]),
    row('gate right after another', busy),
    row('gate after a pause', unchanged),
    row('gate after a pause, one file edited', edited),
    single("first snapshot of the user's repository", snapshot),
    single('snapshot', again),
  ];
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ files: values.files, bytes: values.bytes, rows })}\n`);
  } else {
    const table = rows.map(({ what, ...figures }) => [
      what,
      Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, Math.round(figure ?? 0)])),
    ]);
    console.table(Object.fromEntries(table));
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
