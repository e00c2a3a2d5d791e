import type { TestResults } from '../contracts/gate-outputs.js';
import type { GateId } from '../contracts/names.js';
import type { PromptInput } from './render.js';

/** What a gate's prompt may show, in the order in which it is shown. */
const INPUTS = ['request', 'context', 'job', 'plan', 'patch', 'test_results'] as const;
export type GateInputs = Readonly<Partial<Record<(typeof INPUTS)[number], unknown>>>;

/** How many of them each gate is shown. */
const SHOWN: Readonly<Record<GateId, number>> = { P00: 1, P01: 2, P03: 3, P05: 4, P06: 6, P07: 6 };

/** The inputs of a gate that are there: a gate that the run leaves out has none to give. */
export const gateInputs = (gate: GateId, values: GateInputs): readonly PromptInput[] =>
  INPUTS.slice(0, SHOWN[gate]).flatMap((name) => {
    const value = values[name];
    return value === null || value === undefined ? [] : [{ name, value }];
  });

/** Bytes of a patch that go into a prompt. */
export const PATCH_INPUT_BYTES = 200_000;

/** A patch as a prompt's input: its files, and its text whole or the start of it with a last line that says so. */
export function patchInput(patch: {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly files: readonly unknown[];
}): unknown {
  const { files, bytes, sha256 } = patch;
  const cut = bytes.byteLength > PATCH_INPUT_BYTES;
  const start = new TextDecoder().decode(bytes.subarray(0, PATCH_INPUT_BYTES));
  const note = `\n[cut: the first ${PATCH_INPUT_BYTES} of ${bytes.byteLength} bytes; the checkout holds the whole change]\n`;
  return { sha256, bytes: bytes.byteLength, files, cut, text: cut ? `${start}${note}` : start };
}

/** Bytes of each log that a prompt shows. */
export const LOG_TAIL_BYTES = 4_096;

/** The end of a log as a prompt shows it. */
export const logTail = (log: Uint8Array): string => new TextDecoder().decode(log.subarray(-LOG_TAIL_BYTES));

/** Test results as the verifier is shown them: each check with the ends of its logs. */
export const shownResults = (
  results: TestResults,
  tails: readonly { readonly stdout_tail: string; readonly stderr_tail: string }[],
): unknown => ({ ...results, checks: results.checks.map((check, index) => ({ ...check, ...tails[index] })) });
