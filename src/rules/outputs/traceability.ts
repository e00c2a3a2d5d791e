import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { PatchFile } from '../../contracts/record/patch.js';
import type { Traceability, TracedFile } from '../../contracts/record/traceability.js';
import type { Criterion } from '../../contracts/run/run-request.js';
import type { ParsedPatch } from '../patch/parse-patch.js';
import { patchedPaths, plannedPaths, touchedPaths } from '../patch/patch-rule.js';
import { firstFileLine } from './published-output.js';

/** What a trace follows from: nothing else flows into it, so that the verifier makes the same one again. */
export interface TracedChange {
  readonly base_commit: string;
  readonly patch_sha256: string;
  /** As `patch/files.json` lists them. */
  readonly files: readonly PatchFile[];
  readonly blobs: ParsedPatch['blobs'];
  readonly criteria: readonly Criterion[];
  /** Null where the run leaves P03 out. */
  readonly plan: GateOutputs['P03'] | null;
  readonly build: GateOutputs['P05'];
}

interface PlannedLine {
  readonly path: string;
  readonly component: GateOutputs['P03']['components'][number];
  readonly line: number;
}

/** Every line of the plan that names a file; a path twice in one component is one line. */
function plannedLines(plan: GateOutputs['P03'] | null): readonly PlannedLine[] {
  return (plan?.components ?? []).flatMap((component, index) => {
    const first = plan === null ? 0 : firstFileLine(plan, index);
    const seen = new Set<string>();
    return component.files.flatMap((file, place) => {
      const [path = file] = plannedPaths([file]);
      if (seen.has(path)) return [];
      seen.add(path);
      return [{ path, component, line: first + place }];
    });
  });
}

/** What may go on a path before or after a part of it. */
const PATH_BEFORE = /[\p{L}\p{N}_/.-]$/u;
const PATH_AFTER = /^(?:[\p{L}\p{N}_/-]|\.[\p{L}\p{N}])/u;

/** Whether a text names a path: the whole of it, not a part of a longer one. */
function namesPath(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at !== -1; at = text.indexOf(path, at + 1)) {
    const end = at + path.length;
    if (!PATH_BEFORE.test(text.slice(Math.max(0, at - 2), at)) && !PATH_AFTER.test(text.slice(end, end + 3)))
      return true;
  }
  return false;
}

function criteriaOfFile(
  file: PatchFile,
  lines: readonly PlannedLine[],
  { criteria, build }: TracedChange,
): TracedFile['criteria'] {
  const planned = new Set(lines.flatMap(({ component }) => component.criteria ?? []));
  const paths = touchedPaths(file);
  return criteria.flatMap(({ id }): TracedFile['criteria'] => {
    if (planned.has(id)) return [{ id, said_by: 'plan' }];
    const named = build.criteria.some((entry) => entry.id === id && paths.some((path) => namesPath(entry.how, path)));
    return named ? [{ id, said_by: 'builder' }] : [];
  });
}

/** Which line of the plan, and which requirement of the job, each file of a patch belongs to. */
export function traceChange(change: TracedChange): Traceability {
  const { base_commit, patch_sha256, files, blobs, criteria, plan, build } = change;
  const lines = plannedLines(plan);
  const touched = new Set(patchedPaths({ files }));
  return {
    schema_version: 1,
    base_commit,
    patch_sha256,
    has_plan: plan !== null,
    criteria: criteria.map(({ id, text, check = null }) => ({
      ...{ id, text, check },
      components: (plan?.components ?? []).flatMap(({ name, criteria: served = [] }) =>
        served.includes(id) ? [name] : [],
      ),
      how: build.criteria.find((entry) => entry.id === id)?.how ?? null,
    })),
    files: [...files]
      .sort((one, other) => (one.path < other.path ? -1 : 1))
      .map((file) => {
        const paths = touchedPaths(file);
        const own = lines.filter(({ path }) => paths.includes(path));
        const { path, old_path, status } = file;
        const both = blobs.get(path);
        return {
          ...{ path, old_path, status },
          before_blob: both?.before ?? null,
          after_blob: both?.after ?? null,
          planned: own.map(({ component, line }) => ({ component: component.name, line })),
          criteria: criteriaOfFile(file, own, change),
        };
      }),
    untouched: lines.flatMap(({ path, component, line }) =>
      touched.has(path) ? [] : [{ component: component.name, line, path }],
    ),
  };
}
