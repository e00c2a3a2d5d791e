import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../contracts/digest.js';
import { PromptOsError } from '../contracts/errors.js';
import type { GateId } from '../contracts/names.js';
import type { ExecutorCall, ExecutorOutcome, GateExecutor } from '../ports/gate-executor.js';
import type { Edits } from './canary.js';

/** What an executor does in one attempt of one gate. */
interface ScriptedGate {
  readonly output: object;
  readonly edits?: Edits;
}

type Attempt = Pick<ExecutorCall, 'run_id' | 'gate' | 'attempt'>;

export interface ScriptedExecutors {
  /** Says what the executor of an attempt will do. */
  script(attempt: Attempt, deed: ScriptedGate): void;
  forPrincipal(principal: string): GateExecutor;
}

const keyOf = ({ run_id, gate, attempt }: { run_id: string; gate: GateId; attempt: number }): string =>
  `${run_id} ${gate} ${attempt}`;

async function edit(directory: string, edits: Edits): Promise<void> {
  for (const [path, after] of Object.entries(edits)) {
    const file = join(directory, path);
    await rm(file, { force: true });
    if (after === null) continue;
    await mkdir(dirname(file), { recursive: true });
    await (typeof after === 'string' ? writeFile(file, after) : symlink(after.link, file));
  }
}

const answered = (text: string, startedAt: number): ExecutorOutcome => ({
  exit_code: 0,
  duration_ms: Math.round(performance.now() - startedAt),
  stdout: new TextEncoder().encode(text),
  stderr: new Uint8Array(),
  answer: text,
  problem: null,
  served_model: null,
});

/** Executors of this process, one for each principal, that do in each attempt what is scripted for it. */
export function createScriptedExecutors(): ScriptedExecutors {
  const deeds = new Map<string, ScriptedGate>();
  return {
    script: (attempt, deed) => {
      deeds.set(keyOf(attempt), deed);
    },
    forPrincipal: (principal) => ({
      descriptor: {
        kind: 'canary',
        principal,
        program: 'promptos canary',
        arguments_sha256: sha256Hex(principal),
        requested_model: null,
        served_model: null,
      },
      execute: async (call) => {
        const startedAt = performance.now();
        const deed = deeds.get(keyOf(call));
        if (deed === undefined) throw new PromptOsError('INTERNAL', `No canary is scripted for ${keyOf(call)}.`);
        await edit(call.directory, deed.edits ?? {});
        return answered(JSON.stringify({ kind: 'output', ...deed.output }), startedAt);
      },
    }),
  };
}
