import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLauncher, type Launcher } from '../../../src/adapters/platform/launcher.js';
import type { Reach, Sandbox } from '../../../src/adapters/platform/program-starter.js';
import { type LimitedProgram, runProgram } from '../../../src/adapters/platform/run-program.js';
import { openSandbox, type SandboxOptions } from '../../../src/adapters/sandbox/open-sandbox.js';
import type { SandboxLimits } from '../../../src/contracts/config/sandbox-config.js';

const MIB = 1_024 ** 2;

/** Small enough that a test reaches each of them at once. */
const LIMITS: SandboxLimits = {
  memory_bytes: 256 * MIB,
  cpu_seconds: 2,
  processes: 64,
  file_bytes: 32 * MIB,
  disk_bytes: 96 * MIB,
};

/** Programs see the system's own toolchain only. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

interface BoxRun {
  readonly ended_by: string;
  readonly limit: string | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface BoxRequest extends Partial<LimitedProgram> {
  readonly shows?: readonly string[];
  readonly network?: Reach['network'];
}

/** A worker's folders with a sandbox for programs, and a way to run one. */
export interface Box {
  /** Holds everything below. */
  readonly root: string;
  readonly checkout: string;
  readonly scratch: string;
  readonly state: string;
  readonly key: string;
  readonly repository: string;
  readonly launcher: Launcher;
  readonly sandbox: Sandbox;
  run(argv: readonly string[], request?: BoxRequest): Promise<BoxRun>;
  /** The same for a script of the shell. */
  sh(script: string, request?: BoxRequest): Promise<BoxRun>;
  close(): Promise<void>;
}

export async function createBox(limits: Partial<SandboxLimits> = {}, more: Partial<SandboxOptions> = {}): Promise<Box> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-box-'));
  const place = (name: string) => join(root, name);
  const [checkout, state, repository, key] = ['checkout', 'state', 'repository', 'keys/writer.pem'].map(place) as [
    string,
    string,
    string,
    string,
  ];
  const scratch = join(state, 'scratch/one');
  for (const folder of [checkout, scratch, repository, place('keys')]) await mkdir(folder, { recursive: true });
  await writeFile(key, 'the private key', { mode: 0o600 });
  await writeFile(join(repository, 'notes.txt'), 'uncommitted');
  await writeFile(join(state, 'journal'), 'of all runs');
  const launcher = createLauncher(process.env.PATH);
  const sandbox = await openSandbox(
    { readable: [], limits: { ...LIMITS, ...limits } },
    { programs: launcher, path: process.env.PATH, secret: [state, key], repositories: [repository], ...more },
  );
  const run: Box['run'] = async (argv, { shows = [], network = 'none', ...request } = {}) => {
    const result = await runProgram(sandbox, {
      argv,
      env: { PATH, HOME: scratch, PROMPTOS_SCRATCH: scratch },
      mark: `PROMPTOS_SCRATCH=${scratch}`,
      cwd: checkout,
      timeout_ms: 60_000,
      max_output_bytes: 1_000_000,
      max_stderr_bytes: 1_000_000,
      signal: new AbortController().signal,
      reach: { readable: shows, writable: [scratch], network },
      ...request,
    });
    if (result.kind === 'not_started') throw new Error(`not started: ${result.code}`);
    return {
      ...result,
      stdout: Buffer.from(result.stdout).toString(),
      stderr: Buffer.from(result.stderr).toString(),
    };
  };
  return {
    ...{ root, checkout, scratch, state, key, repository, launcher, sandbox, run },
    sh: (script, request) => run(['sh', '-c', script], request),
    close: async () => {
      await launcher.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
