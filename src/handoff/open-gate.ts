import { showGate } from '../activities/hand-off.js';
import type { ReportProgress } from '../activities/progress/gate-progress.js';
import { GATES } from '../contracts/names.js';
import { claimGate } from './claims.js';
import type { GateDesk, OpenedGate, WantedGate } from './gate-desk.js';
import { gateFiles, makeGateFolder, readGateFolder } from './gate-folder.js';
import { findHandedOffGate, type HandedOffGate } from './handed-off-gate.js';
import { outputSchemaOf } from './output-json.js';

/**
 * Claims the gate that the run has handed off to the principal, and makes its folder: prompt, schema of the output, checkout.
 * The same claimant gets the same folder again.
 * @throws PromptOsError NOTHING_HANDED_OFF, GATE_CLAIMED, PRINCIPAL_NOT_BOUND, KEY_NOT_FOUND, DUTIES_CLASH, and what the ports
 *   throw
 */
export async function openGate(desk: GateDesk, wanted: WantedGate): Promise<OpenedGate> {
  const found = await findHandedOffGate(desk, wanted);
  const { due } = found;
  const claim = await claimGate(found, desk.claimant);
  await desk.runs.lookAgain(wanted.run_id);
  const files = gateFiles(desk, due);
  const output_schema = outputSchemaOf(due.gate);
  const before = await readGateFolder(files);
  const prompt = before ?? (await prepare(desk, found, files, output_schema));
  return {
    run_id: due.run.run_id,
    gate: due.gate,
    title: GATES[due.gate].title,
    attempt: due.attempt,
    principal: due.principal,
    claim,
    again: before !== null,
    prompt,
    output_schema,
    files,
    edits_files: due.gate === 'P05',
  };
}

/** Says each thing that is done once. */
export function sayProgress(desk: Pick<GateDesk, 'say'>): ReportProgress {
  let said = '';
  return (details) => {
    const { activity } = details();
    if (activity === said) return;
    said = activity;
    desk.say?.(activity);
  };
}

async function prepare(
  desk: GateDesk,
  { ports, documents, due }: HandedOffGate,
  files: OpenedGate['files'],
  output_schema: object,
): Promise<string> {
  const options = { signal: desk.signal, progress: sayProgress(desk) };
  const { prompt, checkout } = await showGate(ports, documents, due, options);
  try {
    await makeGateFolder(desk, files, { prompt, output_schema, checkout: checkout.directory });
  } finally {
    await checkout.discard().catch(() => undefined);
  }
  return prompt;
}
