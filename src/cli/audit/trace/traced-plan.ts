import { GATE_PATHS } from '../../../contracts/artifacts.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { type Traceability, type TracedFile, traceabilitySchema } from '../../../contracts/record/traceability.js';
import { printableLine } from '../../app/printable.js';
import { parseFile, readPublished } from '../../app/published-run.js';
import type { AuditedRun, RunCatalogue } from '../commits/run-catalogue.js';

/** Which line of the plan, and which criterion, made each file of the change what it is. */
export interface TracedPlan {
  readonly path: string;
  /** The file that was asked about, or every file of the change. */
  readonly files: readonly TracedFile[];
  readonly untouched: Traceability['untouched'];
  readonly criteria: Traceability['criteria'];
}

/** @returns null for a run without a patch, and for runs of earlier releases; a file that cannot be read is a problem of the verification */
export async function tracedPlan(
  { store }: Pick<RunCatalogue, 'store'>,
  { runId }: Pick<AuditedRun, 'runId'>,
  asked: string | undefined,
): Promise<TracedPlan | null> {
  const path = GATE_PATHS.traceability;
  try {
    const trace = parseFile(traceabilitySchema, await readPublished(store, runId, path), path);
    const own = trace.files.filter((file) => file.path === asked);
    const files = own.length > 0 ? own : trace.files;
    const ids = new Set(files.flatMap(({ criteria }) => criteria.map(({ id }) => id)));
    return {
      path,
      files,
      untouched: own.length > 0 ? [] : trace.untouched,
      criteria: trace.criteria.filter(({ id }) => own.length === 0 || ids.has(id)),
    };
  } catch (error) {
    if (error instanceof PromptOsError) return null;
    throw error;
  }
}

/** Files that are printed one by one. */
const SHOWN = 10;
const INDENT = '              ';

/** A blob as git abbreviates it. */
const short = (blob: string | null): string => (blob === null ? 'none' : blob.slice(0, 12));

function fileLines({ path, old_path, status, before_blob, after_blob, planned, criteria }: TracedFile) {
  const from = old_path === null || old_path === path ? '' : `, was ${printableLine(old_path)}`;
  const same = before_blob === null && after_blob === null;
  const blobs = same ? 'the same content' : `${short(before_blob)} → ${short(after_blob)}`;
  return [
    `${INDENT}${printableLine(path)}: ${status.replace('_', ' ')}${from}, ${blobs}`,
    ...(planned.length === 0 ? [`${INDENT}  the plan does not name it`] : []),
    ...planned.map(({ component, line }) => `${INDENT}  plan.md:${line}, component "${printableLine(component)}"`),
    ...criteria.map(
      ({ id, said_by }) => `${INDENT}  for ${id}, as the ${said_by === 'plan' ? 'plan' : 'builder'} says`,
    ),
  ];
}

export function renderPlanned(traced: TracedPlan | null): readonly string[] {
  if (traced === null) return [];
  const { files, untouched, criteria } = traced;
  const hidden = Math.max(files.length - SHOWN, 0);
  const lines = [
    ...files.slice(0, SHOWN).flatMap(fileLines),
    ...(hidden === 0 ? [] : [`${INDENT}and ${hidden} more, in ${traced.path}`]),
    ...untouched.slice(0, SHOWN).map(({ path, line, component }) => {
      const place = `plan.md:${line}, component "${printableLine(component)}"`;
      return `${INDENT}NOT TOUCHED: ${printableLine(path)} (${place})`;
    }),
    ...(untouched.length > SHOWN ? [`${INDENT}and ${untouched.length - SHOWN} more that were not touched`] : []),
    ...criteria
      .slice(0, SHOWN)
      .map(({ id, text, check }) => `${INDENT}${id}: ${printableLine(text)}${check === null ? '' : ` [${check}]`}`),
  ];
  return lines.map((line, index) => (index === 0 ? `  planned     ${line.slice(INDENT.length)}` : line));
}
