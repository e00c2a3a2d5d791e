import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the example. */
export const EXAMPLE = fileURLToPath(new URL('../../examples/first-governed-run/', import.meta.url));

export interface AgentRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A prompt of the shape that the engine renders, with these data blocks. */
export function promptWith(inputs: Readonly<Record<string, unknown>>): string {
  const blocks = Object.entries(inputs).map(([name, value]) => {
    const json = JSON.stringify(value, null, 2).replaceAll('<', '\\u003c');
    return `<<<PROMPTOS-DATA ${name}>>>\n${json}\n<<<END PROMPTOS-DATA ${name}>>>`;
  });
  return ['# The gate', 'What to do.', '', '# Inputs', '', 'Data.', '', ...blocks, '', '# Output contract', ''].join(
    '\n',
  );
}

/** The environment of a fresh process, without what a test runner adds to its own. */
export function plainEnvironment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), ...(TMPDIR === undefined ? {} : { TMPDIR }), ...added };
}

/** Runs a program to its end. */
function runProgram(
  argv: readonly string[],
  { cwd, env, stdin }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly stdin: string },
): Promise<AgentRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    // An agent may end before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

/** Runs one agent of the example on a prompt, as the engine would. */
export const runAgent = (agent: string, gate: string, cwd: string, prompt: string): Promise<AgentRun> =>
  runProgram([`${EXAMPLE}agents/${agent}.mjs`], {
    cwd,
    env: plainEnvironment({ PROMPTOS_GATE: gate, PROMPTOS_RUN_ID: 'try-1', PROMPTOS_ATTEMPT: '1' }),
    stdin: prompt,
  });

/** Runs the project's own tests in a checkout: the exit code, and the names of those that fail. */
export async function runProjectTests(cwd: string): Promise<{ code: number | null; failing: string[] }> {
  const { code, stdout } = await runProgram(['--test', '--test-reporter=tap'], {
    cwd,
    env: plainEnvironment(),
    stdin: '',
  });
  return { code, failing: [...stdout.matchAll(/^not ok \d+ - (.+)$/gm)].map(([, name]) => name ?? '') };
}
