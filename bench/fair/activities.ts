import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { copyDurably, writeDurably } from './files.js';
import type { FairActivities } from './workflow.js';

/** Where the work is done; folders are absolute. */
export interface FairSetting {
  /** For what runs write, and for their checkouts. */
  readonly state: string;
  readonly repository: string;
  /** With `answer.sh` and the answers that it gives. */
  readonly agents: string;
  /** A governed run's published tree, whose prompts are used. */
  readonly prompts: string;
  /** The variables of programs that are started. */
  readonly env: Readonly<Record<string, string>>;
}

interface Input {
  readonly input?: Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

const PRINCIPALS: Readonly<Record<string, string>> = { P06: 'vera', P07: 'rex' };
const HEARTBEAT_MS = 2_000;

/** The index of a branch, from which its checkouts are made: the cheapest way that git has. */
export const indexOf = (state: string, branch: string): string => join(state, `${branch}.index`);

/** The least that does the work of a run: a checkout, the same executor, the same check, durable files. */
export function createFairActivities({ state, repository, agents, prompts, env }: FairSetting): FairActivities {
  /** @throws Error when the program ends with anything but 0 */
  const run = async (argv: readonly string[], cwd: string, more: Input = {}): Promise<Buffer> => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { cwd, env: { ...env, ...more.env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A program may end before it has read all of its input.
    child.stdin.on('error', () => undefined).end(more.input);
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${Buffer.concat(stderr)}`);
    return Buffer.concat(stdout);
  };

  const doGate = async (runId: string, gate: string, branch: string, folder: string): Promise<string> => {
    const files = join(state, 'runs', runId);
    const checkout = join(folder, 'checkout');
    await mkdir(checkout);
    const git = { GIT_DIR: join(repository, '.git'), GIT_WORK_TREE: checkout, GIT_INDEX_FILE: join(folder, 'index') };
    await copyFile(indexOf(state, branch), git.GIT_INDEX_FILE);
    await run(['git', 'checkout-index', '--all', '--index'], checkout, { env: git });
    if (gate === 'P06' || gate === 'P07') {
      const patch = await readFile(join(files, 'change.patch'));
      await run(['git', 'apply', '--whitespace=nowarn', '-'], checkout, { input: patch });
    }
    const prompt = await readFile(join(prompts, 'evidence', 'attempts', gate, '1', 'try-1', 'prompt.md'));
    await writeDurably(join(files, gate, 'prompt.md'), prompt);
    const stdout = await run(['sh', join(agents, 'answer.sh'), PRINCIPALS[gate] ?? 'nina'], checkout, {
      input: prompt,
      env: { HOME: folder, PROMPTOS_GATE: gate, ANSWERS: agents },
    });
    const output = JSON.stringify(JSON.parse(stdout.toString('utf8')), null, 2);
    await writeDurably(join(files, gate, 'stdout.txt'), stdout);
    await writeDurably(join(files, gate, 'output.json'), output);
    if (gate === 'P05') {
      await run(['git', 'add', '--all', '--intent-to-add'], checkout, { env: git });
      await writeDurably(join(files, 'change.patch'), await run(['git', 'diff', '--binary'], checkout, { env: git }));
    }
    if (gate === 'P06') await writeDurably(join(files, 'check.txt'), await run(['sh', 'check.sh'], checkout));
    return createHash('sha256').update(output).digest('hex');
  };

  return {
    fairGate: async ({ run_id, gate, branch }) => {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
      await mkdir(join(state, 'work'), { recursive: true });
      const folder = await mkdtemp(join(state, 'work', `${gate}-`));
      try {
        return { verdict: 'pass', output_sha256: await doGate(run_id, gate, branch, folder) };
      } finally {
        clearInterval(beat);
        await rm(folder, { recursive: true, force: true });
      }
    },
    fairFinalise: async ({ run_id, head }) => {
      const staged = join(state, 'staging', run_id);
      // Of a finalisation that was cut short.
      await rm(staged, { recursive: true, force: true });
      const files = await copyDurably(join(state, 'runs', run_id), staged);
      await writeDurably(join(staged, 'record.json'), JSON.stringify({ run_id, head, files }, null, 2));
      await mkdir(join(state, 'published'), { recursive: true });
      await rename(staged, join(state, 'published', run_id));
      return { files };
    },
  };
}
