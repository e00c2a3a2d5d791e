import type { ArtifactRef } from '../../contracts/primitives.js';

/** in-toto's ResourceDescriptor v1, as far as we use it. */
export interface ResourceDescriptor {
  readonly name: string;
  readonly digest: { readonly sha256: string } | { readonly gitCommit: string };
  readonly mediaType?: string;
}

/** Something by the SHA-256 of its bytes. */
export const byDigest = (name: string, sha256: string): ResourceDescriptor => ({ name, digest: { sha256 } });

/** A commit of a repository that is called by its name; where that is stands in the workers' configs. */
export const byCommit = (repository: string, commit: string): ResourceDescriptor => ({
  name: repository,
  digest: { gitCommit: commit },
});

/** A file of a run's tree. */
export const byFile = ({ path, sha256, media_type }: ArtifactRef): ResourceDescriptor => ({
  name: path,
  digest: { sha256 },
  mediaType: media_type,
});
