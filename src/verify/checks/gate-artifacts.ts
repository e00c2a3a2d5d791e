import { publicArtifact } from '../../contracts/artifact-paths.js';
import { attemptFolder } from '../../governance/published-tree.js';
import { judgesAgain, neededOf } from '../attempt-inputs.js';
import type { TreeDocuments } from '../open-documents.js';
import { VerifyFailure } from '../verify-codes.js';

/** Every attempt lists the files that each attempt of its gate has, and none that follows from an output it never had. */
export async function checkGateArtifacts(documents: TreeDocuments): Promise<void> {
  if (!(await judgesAgain(documents))) return;
  for (const attempt of await documents.attempts()) {
    const { gate, attempt: number, artifacts, transcripts, tries, verdict, findings } = attempt.record;
    const path = `${attemptFolder(gate, number)}/attempt.json`;
    const needed = await neededOf(documents, attempt);
    const listed = new Set([...artifacts, ...transcripts].map((ref) => ref.path));
    const kept = tries.flatMap((one) =>
      ['prompt.md', 'stdout.txt', 'stderr.txt'].map((name) => `try-${one.number}/${name}`),
    );
    const answer = tries.at(-1)?.problem === null ? [`try-${tries.length}/answer.txt`] : [];
    const log = findings.length > 0 ? ['findings.sarif'] : [];
    const missing = [...needed, ...kept, ...answer, ...log].find((wanted) => !listed.has(wanted));
    if (missing !== undefined) {
      throw new VerifyFailure('ARTIFACT_MISSING', { path, expected: missing, found: 'nothing' });
    }
    const row = (ref: string) => publicArtifact(gate, number, ref);
    const extra =
      artifacts.find((ref) => row(ref.path)?.path.includes('<check>') && !needed.includes(ref.path)) ??
      (verdict === 'blocked' ? artifacts.find((ref) => row(ref.path)?.needed === 'output') : undefined) ??
      transcripts.find(
        (ref) => ref.path !== 'findings.sarif' && !tries.some((one) => ref.path.startsWith(`try-${one.number}/`)),
      );
    if (extra === undefined) continue;
    throw new VerifyFailure('ARTIFACT_MISSING', { path, expected: 'nothing that nothing led to', found: extra.path });
  }
}
