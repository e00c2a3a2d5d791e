import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../../src/contracts/digest.js';
import { PromptOsError } from '../../src/contracts/errors.js';
import type { SandboxKind } from '../../src/contracts/names.js';
import type { ExecutorCall, ExecutorOutcome, ExecutorRegistry } from '../../src/ports/gate-executor.js';
import { printedText } from './printed.js';

/** One call of an executor, as a test scripts it. */
export type ScriptStep = (call: ExecutorCall) => Partial<ExecutorOutcome> | Promise<Partial<ExecutorOutcome>>;

export interface ScriptedExecutors extends ExecutorRegistry {
  /** Every call, in order, with the principal that it was made of. */
  readonly calls: readonly (ExecutorCall & { readonly principal: string })[];
  /** Adds steps to a principal's script. */
  script(principal: string, ...steps: readonly ScriptStep[]): void;
}

const ANSWERED: ExecutorOutcome = {
  exit_code: 0,
  duration_ms: 12,
  stdout: new Uint8Array(),
  stderr: new Uint8Array(),
  answer: null,
  problem: null,
  served_model: null,
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Prints a text, which is the whole answer. */
export const says =
  (text: string): ScriptStep =>
  () => ({ stdout: bytes(text), answer: text });

/** Prints a text before what the step prints. */
export const printing =
  (text: string, step: ScriptStep): ScriptStep =>
  async (call) => {
    const outcome = await step(call);
    return { ...outcome, stdout: bytes(`${text}\n${outcome.stdout === undefined ? '' : printedText(outcome.stdout)}`) };
  };

/** Answers with a gate's output. */
export const outputs = (output: object): ScriptStep => says(JSON.stringify({ kind: 'output', ...output }));

/** Fails in the executor's own way. */
export const fails =
  (problem: string, exitCode: number | null = 1): ScriptStep =>
  () => ({ exit_code: exitCode, problem, stderr: bytes(`${problem}\n`) });

/** Writes files into the checkout, then goes on. */
export const edits =
  (files: Readonly<Record<string, string>>, next: ScriptStep): ScriptStep =>
  async (call) => {
    for (const [path, text] of Object.entries(files)) {
      const file = join(call.directory, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return next(call);
  };

/**
 * Executors that do what a test wrote down, step by step, and throw when the script has run out.
 * @param sandbox what they say that they run in
 */
export function scriptedExecutors(sandbox?: SandboxKind): ScriptedExecutors {
  const scripts = new Map<string, ScriptStep[]>();
  const calls: (ExecutorCall & { principal: string })[] = [];
  return {
    calls,
    script: (principal, ...steps) => scripts.set(principal, [...(scripts.get(principal) ?? []), ...steps]),
    forPrincipal: (principal) => {
      const steps = scripts.get(principal);
      if (steps === undefined) throw new PromptOsError('EXECUTOR_NOT_CONFIGURED', `No script for ${principal}.`);
      return {
        descriptor: {
          kind: 'scripted',
          principal,
          program: 'script',
          arguments_sha256: sha256Hex(principal),
          requested_model: null,
          served_model: null,
          ...(sandbox === undefined ? {} : { sandbox }),
        },
        execute: async (call) => {
          calls.push({ ...call, principal });
          const step = steps.shift();
          if (step === undefined) throw new Error(`the script of ${principal} has no step for call ${calls.length}`);
          return { ...ANSWERED, ...(await step(call)) };
        },
      };
    },
  };
}

/** The data blocks of a rendered prompt, by name. */
export function promptInputs(prompt: string): Record<string, unknown> {
  const blocks = prompt.matchAll(/^<<<PROMPTOS-DATA ([a-z_]+)>>>\n([\s\S]*?)\n<<<END PROMPTOS-DATA \1>>>$/gm);
  return Object.fromEntries([...blocks].map(([, name, json]) => [name, JSON.parse(json ?? '')]));
}
