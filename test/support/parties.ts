import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './governed-worker.js';
import { openTerminal, type Terminal } from './terminal.js';
import { becoming, canBecome } from './unix-users.js';

const FIRST_UID = 21_001;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that goes on. */
interface Running {
  /** What it printed on standard output so far. */
  stdout(): string;
  /** Waits until it has printed something. */
  shown(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for its end. @returns its exit code */
  ended(): Promise<number | null>;
  stop(): Promise<void>;
}

/** A person with a home folder and, when the tests run as root, a user of this machine. */
export interface Party {
  readonly home: string;
  /** Their user; null where the tests cannot become anybody else. */
  readonly uid: number | null;
  /** Runs a script as a shell does that ends at the first command that fails. @param cwd relative to the home folder */
  run(script: string, cwd?: string, env?: Readonly<Record<string, string>>): Ran;
  start(script: string, cwd?: string): Running;
  /** Runs it on a terminal of their own. */
  type(script: string, cwd?: string, env?: Readonly<Record<string, string>>): Terminal;
}

export interface PartyPlace {
  /** An existing folder that everybody may enter; homes are made in it. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  /** Groups that all of them are in. */
  readonly groups?: readonly number[];
}

export interface Parties {
  /** @param profile what its shell sets before anything else */
  party(name: string, profile: string): Promise<Party>;
  /** Ends all that they left running. */
  stop(): Promise<void>;
}

export function createParties({ root, env: shared, groups = [] }: PartyPlace): Parties {
  const running: { stop(): Promise<void> }[] = [];
  let parties = 0;
  return {
    party: async (name, profile) => {
      const user = { uid: FIRST_UID + parties++, groups };
      const become = canBecome(user) ? becoming(user) : [];
      const home = await makeHome(join(root, name), name, become.length > 0 ? user.uid : null);
      const shell = (script: string) => ['bash', '-eo', 'pipefail', '-c', `${profile}\n${script}`] as const;
      const env = { ...shared, HOME: home };
      return {
        home,
        uid: become.length > 0 ? user.uid : null,
        run: (script, cwd = '.', more = {}) => {
          const [program = 'bash', ...args] = [...become, ...shell(script)];
          const options = { cwd: join(home, cwd), env: { ...env, ...more }, timeout: 120_000 } as const;
          const { status, stdout, stderr } = spawnSync(program, args, { ...options, encoding: 'utf8' });
          return { status, stdout, stderr };
        },
        start: (script, cwd = '.') => {
          const [program = 'bash', ...args] = [...become, ...shell(script)];
          const one = startRunning([program, ...args], join(home, cwd), env);
          running.push(one);
          return one;
        },
        type: (script, cwd = '.', more = {}) => {
          // By a variable, so that the script needs no quoting.
          const [program, ...flags] = shell(script).slice(0, -1);
          const given = { ...env, ...more, TYPED_SCRIPT: shell(script).at(-1) ?? '' };
          const line = `exec ${[program, ...flags].join(' ')} "$TYPED_SCRIPT"`;
          const terminal = openTerminal(line, { cwd: join(home, cwd), env: given, before: become });
          running.push(terminal);
          return terminal;
        },
      };
    },
    stop: async () => {
      await Promise.all(running.map((one) => one.stop()));
    },
  };
}

async function makeHome(home: string, name: string, uid: number | null): Promise<string> {
  await mkdir(home, { mode: 0o700 });
  const identity = `[user]\n\tname = ${name}\n\temail = ${name}@example.org\n`;
  await writeFile(join(home, '.gitconfig'), identity);
  if (uid !== null) for (const path of [home, join(home, '.gitconfig')]) await chown(path, uid, uid);
  return home;
}

function startRunning(
  [program, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Running {
  // A process group of its own: the shell does not pass signals on.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return {
    stdout: () => stdout,
    shown: async (pattern) => {
      const look = async () => {
        const found = pattern.exec(stdout);
        if (found === null && child.exitCode !== null) throw new Error(`it ended: ${stdout}\n${stderr}`);
        return found;
      };
      return eventually(look, `${pattern} in ${stdout}\n${stderr}`);
    },
    ended: async () => (await closed)[0],
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        process.kill(-child.pid, 'SIGTERM');
      }
      await closed;
    },
  };
}
