import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { Patch, PatchFile } from '../../contracts/record/patch.js';
import type { Finding, RuleFinding } from '../../contracts/run/findings.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import type { Scope } from '../../contracts/run/run-request.js';
import type { SecretConfidence } from '../secrets/secret-format.js';
import type { FileChange, ReadsUpTo } from './file-changes.js';

/** What a scanner took for a secret; the line is the file's, as in `addedTexts`. Never the secret itself. */
interface JudgedSecretHit {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
  /** `known` when absent. */
  readonly confidence?: SecretConfidence;
}

/** A component as a plan names it. */
type PlannedComponent = Pick<GateOutputs['P03']['components'][number], 'name' | 'files'>;

export interface JudgedPatch {
  readonly patch: Patch;
  readonly rules_version: number;
  /** What `git apply --check` said of the patch and the base. */
  readonly applies: { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** The request's scope and the job's: a path must be in each. */
  readonly scopes: readonly Pick<Scope, 'allow' | 'deny'>[];
  /** Globs that are out of every scope, the files that checks are made of included. */
  readonly protected_paths: readonly string[];
  /** Globs of tests, and of what decides how they run: files that existed before the patch are protected. */
  readonly protected_tests: readonly string[];
  /** Globs of files that steer agents and that the policy lets a patch change. */
  readonly agent_files: readonly string[];
  /** The files of the base commit that steer agents. */
  readonly inventory: Inventory['files'];
  /** The components of the plan, with their files; null where there is no plan to hold the patch to. */
  readonly components: readonly PlannedComponent[] | null;
  readonly limits: Pick<Policy['limits'], 'patch_bytes' | 'patch_files'>;
  /** What the secret scanner found in `addedTexts(patch)`. */
  readonly secret_hits: readonly JudgedSecretHit[];
}

export interface PatchRule {
  /** Whether a blocking finding of this rule raises a P08. */
  readonly escalates: boolean;
  /** The last line up to which the rule reads the hunks of a file, with what was removed and what is around it. */
  readonly reads?: ReadsUpTo;
  /** @param changes the files of the patch, with the lines that some rule reads */
  judge(input: JudgedPatch, changes: readonly FileChange[]): readonly RuleFinding[];
}

/** A rule that runs of versions 1 and 2 were not judged by. */
export const sinceVersion3 =
  (judge: PatchRule['judge']): PatchRule['judge'] =>
  (input, changes) =>
    input.rules_version < 3 ? [] : judge(input, changes);

/** Both sides of a change: the path as it is now and, for a rename or copy, the one that it had. */
export const touchedPaths = ({ path, old_path }: PatchFile): readonly string[] =>
  old_path === null || old_path === path ? [path] : [path, old_path];

/** Every path that a patch touches, each once. */
export const patchedPaths = ({ files }: { readonly files: readonly PatchFile[] }): readonly string[] => [
  ...new Set(files.flatMap(touchedPaths)),
];

const plain = (path: string): string => path.replace(/^(?:\.\/)+/, '');

/** The files that a plan names, as paths that compare. */
export const plannedPaths = (files: readonly string[]): ReadonlySet<string> => new Set(files.map(plain));

/** The same for all components of a plan; none where there is no plan. */
export const plannedIn = ({ components }: Pick<JudgedPatch, 'components'>): ReadonlySet<string> =>
  plannedPaths((components ?? []).flatMap(({ files }) => files));

/** Why a change that takes the plan's word is refused. Version 1 spoke of a plan also where there is none. */
export const unplannedBy = ({ components, rules_version }: JudgedPatch): string =>
  components === null && rules_version >= 2 ? 'There is no plan that names it.' : 'The plan does not name it.';

export const DEEDS: Readonly<Record<PatchFile['status'], string>> = {
  added: 'adds',
  copied: 'adds',
  modified: 'changes',
  type_changed: 'replaces',
  deleted: 'deletes',
  renamed: 'renames',
};

type Place = Pick<RuleFinding, 'path' | 'line'>;

/** What fails the gate. */
export const violation = (severity: Finding['severity'], message: string, place: Place = {}): RuleFinding => ({
  severity,
  blocking: true,
  message,
  ...place,
});

/** What a person should look at. */
export const remark = (severity: Finding['severity'], message: string, place: Place): RuleFinding => ({
  severity,
  blocking: false,
  message,
  ...place,
});
