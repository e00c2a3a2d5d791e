/** Parts of a user's repository that decide what git runs, reads or trusts there: an executor could abuse them. */
export const GUARDED_PARTS = ['configuration', 'hooks', 'attributes', 'object_sources', 'promptos_refs'] as const;
/** Parts that change whenever a person works in the repository. */
export const WORKED_PARTS = ['head', 'refs', 'working_tree'] as const;

export type RepositoryPart = (typeof GUARDED_PARTS)[number] | (typeof WORKED_PARTS)[number];
/** A digest over each part, or what keeps the part from being read. */
export type RepositoryDigests = Readonly<Record<RepositoryPart, string>>;
