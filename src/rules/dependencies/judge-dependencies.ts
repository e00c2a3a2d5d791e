import type { RuleFinding } from '../../contracts/run/findings.js';
import { counted } from '../../contracts/sentences.js';
import type { FileChange } from '../patch/file-changes.js';
import {
  DEEDS,
  type JudgedPatch,
  plannedPaths,
  remark,
  touchedPaths,
  unplannedBy,
  violation,
} from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { type DependencyChange, dependencyChanges } from './dependency-entries.js';
import { type DependencyFile, dependencyFileOf } from './dependency-files.js';
import { dependencyRisks, isElsewhere } from './dependency-risks.js';

/** Packages that one finding names. */
const NAMED = 20;
/** Risky lines of one file that have a finding each. */
const RISKS = 20;

const packages = (count: number): string => counted(count, 'package');

function named({ name, from, to, section }: DependencyChange): string {
  const versions = (some: readonly string[]): string => printable(some.slice(0, 3).join(', '), 60);
  const how =
    from.length === 0
      ? `added at ${versions(to)}`
      : to.length === 0
        ? `${versions(from)} removed`
        : `${versions(from)} to ${versions(to)}`;
  return `${printable(name, 60)} ${how}${section === null ? '' : ` (${printable(section, 40)})`}`;
}

function listed(changes: readonly DependencyChange[]): string {
  const more = changes.length > NAMED ? `; and ${changes.length - NAMED} more` : '';
  return `${changes.slice(0, NAMED).map(named).join('; ')}${more}`;
}

interface Touched {
  readonly change: FileChange;
  readonly path: string;
  readonly kind: DependencyFile;
  readonly packages: readonly DependencyChange[];
}

const touchedFiles = (changes: readonly FileChange[]): readonly Touched[] =>
  changes.flatMap((change) =>
    touchedPaths(change.file).flatMap((path) => {
      const kind = dependencyFileOf(path);
      return kind === null ? [] : [{ change, path, kind, packages: dependencyChanges(change, kind.format) }];
    }),
  );

/** A manifest and its lock file change together, or one of them does not say what is installed. */
function unpaired(touched: readonly Touched[]): readonly RuleFinding[] {
  const has = (family: string, kind: DependencyFile['kind'], changesPackages: boolean): boolean =>
    touched.some(
      (one) => one.kind.family === family && one.kind.kind === kind && (!changesPackages || one.packages.length > 0),
    );
  const locks = touched.filter(({ kind }) => kind.kind === 'lock' && !has(kind.family, 'manifest', false));
  const manifests = touched.filter(
    ({ kind, packages: some }) =>
      kind.kind === 'manifest' && some.length > 0 && HAS_LOCK.has(kind.family) && !has(kind.family, 'lock', false),
  );
  return [
    ...locks.map(({ path }) =>
      remark('medium', `The lock file ${printable(path)} changes, and no manifest does that it is made from.`, {
        path,
      }),
    ),
    ...manifests.map(({ path }) =>
      remark('low', `${printable(path)} changes packages, and no lock file changes with it.`, { path }),
    ),
  ];
}

/** Families whose manifests nearly always have a lock file beside them. */
const HAS_LOCK = new Set(['npm', 'go', 'cargo', 'ruby', 'composer']);

function judgeFile(
  { change, path, kind, packages: changed }: Touched,
  planned: ReadonlySet<string>,
  unplanned: string,
): readonly RuleFinding[] {
  const { file } = change;
  const list = changed.length === 0 ? '' : `: ${listed(changed)}`;
  const what = `The patch ${DEEDS[file.status]} ${printable(path)}, which says what is installed${list}.`;
  const risks = dependencyRisks(change, kind)
    .slice(0, RISKS)
    .map(({ line, text, what: why }) =>
      remark('high', `Line ${line} of ${printable(path)} ${why}: ${quotedLine(text)}`, { path, line }),
    );
  const elsewhere = kind.family !== 'npm' ? [] : changed.filter(isElsewhere);
  risks.push(
    ...elsewhere.map((one) =>
      remark('high', `${printable(path)} takes ${named(one)} from a repository or a folder.`, { path }),
    ),
  );
  if (!planned.has(path)) return [violation('high', `${what} ${unplanned}`, { path }), ...risks];
  if (changed.length === 0)
    return file.binary || file.status !== 'modified' ? [remark('medium', what, { path }), ...risks] : risks;
  const isNew = changed.some(({ from }) => from.length === 0);
  const severity = kind.kind === 'manifest' && isNew ? 'medium' : 'low';
  return [remark(severity, `${what} ${packages(changed.length)} in all.`, { path }), ...risks];
}

/** What is installed is what was agreed on: each change of a manifest or a lock file is planned, and named by package. */
export function judgeDependencies(input: JudgedPatch, changes: readonly FileChange[]): readonly RuleFinding[] {
  const planned = plannedPaths(input.planned_files ?? []);
  const unplanned = unplannedBy(input);
  const touched = touchedFiles(changes);
  return [...touched.flatMap((one) => judgeFile(one, planned, unplanned)), ...unpaired(touched)];
}
