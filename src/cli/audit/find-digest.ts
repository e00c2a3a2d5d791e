import type { AuditedRun, RunCatalogue } from './run-catalogue.js';
import type { TracedArtifact } from './trace.js';

/**
 * The newest run that a SHA-256 belongs to, approved ones first: its record's, a published file's, or whatever else its
 * record names (an attempt, a prompt, a policy, the ledger's head).
 */
export async function findDigest(
  catalogue: RunCatalogue,
  sha256: string,
): Promise<{ readonly run: AuditedRun; readonly artifact: TracedArtifact } | null> {
  const runs = await catalogue.all();
  const approved = runs.filter(({ record }) => record.outcome === 'approved');
  const others = runs.filter(({ record }) => record.outcome !== 'approved');
  for (const find of [findPublished, findNamed]) {
    for (const run of [...approved, ...others]) {
      const path = await find(catalogue, run, sha256);
      if (path === null) continue;
      const kind = find === findPublished ? 'artifact' : 'named_digest';
      return { run, artifact: { kind, found_by: 'digest', path, sha256 } };
    }
  }
  return null;
}

async function findPublished({ store }: RunCatalogue, { runId }: AuditedRun, sha256: string): Promise<string | null> {
  const files = (await store.published(runId)) ?? [];
  const same = files.filter((file) => file.sha256 === sha256).map(({ path }) => path);
  // What stands is nearer to the root than what a later attempt took the place of.
  return same.sort((one, other) => one.split('/').length - other.split('/').length)[0] ?? null;
}

async function findNamed(_: RunCatalogue, { record }: AuditedRun, sha256: string): Promise<string | null> {
  const pointer = pointerTo(record, sha256);
  return pointer === null ? null : `run_record.json#${pointer}`;
}

/** RFC 6901 pointer to the first member of a value that is this text. */
function pointerTo(value: unknown, text: string): string | null {
  if (value === text) return '';
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const below = pointerTo(member, text);
    if (below !== null) return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${below}`;
  }
  return null;
}
