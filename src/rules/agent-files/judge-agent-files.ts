import type { Patch, PatchFile } from '../../contracts/record/patch.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { LINK_MODE, linkTargets } from '../patch/patch-lines.js';
import { DEEDS, type JudgedPatch, plannedPaths, remark, touchedPaths, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { createGlobMatcher } from '../paths/scope-matching.js';
import { type AgentPaths, agentTargetOf, createAgentPaths } from './agent-files.js';

/** A path that a patch touches and by which it would steer agents. */
interface TouchedAgentFile {
  readonly file: PatchFile;
  readonly path: string;
  /** The end of a sentence whose subject is the path. */
  readonly why: string;
}

const GITLINK_MODE = '160000';
const isPointer = ({ new_mode, old_mode }: PatchFile): boolean =>
  [new_mode, old_mode].some((mode) => mode === LINK_MODE || mode === GITLINK_MODE);

/** The target of a link that the patch only moves is not in its text; such a link is judged by its names. */
const isMoved = ({ status, added }: PatchFile): boolean => (status === 'renamed' || status === 'copied') && added === 0;

/** Every path by which a patch would steer agents: by its name, or by where its symbolic link points. */
export function touchedAgentFiles(
  patch: Pick<Patch, 'files' | 'added_lines'>,
  { fileOf, folderOf }: AgentPaths,
): readonly TouchedAgentFile[] {
  const targets = new Map(linkTargets(patch).map(({ file, target }) => [file.path, target]));
  return patch.files.flatMap((file) => {
    const entryOf = isPointer(file) ? folderOf : fileOf;
    const named = touchedPaths(file).flatMap((path) => {
      const entry = entryOf(path);
      return entry === null ? [] : [{ file, path, why: `steers coding agents (${entry})` }];
    });
    const target = isMoved(file) ? null : (targets.get(file.path) ?? null);
    const entry = target === null ? null : agentTargetOf(file.path, target);
    if (entry === null || named.some(({ path }) => path === file.path)) return named;
    return [
      ...named,
      { file, path: file.path, why: `is a symbolic link to a file that steers coding agents (${entry})` },
    ];
  });
}

/**
 * Agents read such files as instructions, and run the programs that they name, before they read any prompt. A patch that
 * changes one instructs whoever judges it. From version 2 of the rules on.
 */
export function judgeAgentFiles({
  patch,
  planned_files,
  agent_files,
  inventory,
  rules_version,
}: JudgedPatch): readonly RuleFinding[] {
  if (rules_version < 2) return [];
  const planned = plannedPaths(planned_files ?? []);
  const { match } = createGlobMatcher(agent_files, false, rules_version);
  return touchedAgentFiles(patch, createAgentPaths(inventory)).map(({ file, path, why }) => {
    const what = `The patch ${DEEDS[file.status]} ${printable(path)}, which ${why}.`;
    const missing = [
      ...(planned.has(path) ? [] : [planned_files === null ? 'no plan names it' : 'the plan does not name it']),
      ...(match(path) === undefined ? ["the policy's agent_files.allow does not match it"] : []),
    ];
    if (missing.length > 0) return violation('critical', `${what} It is refused: ${missing.join(', and ')}.`, { path });
    const consequence = 'the verifier and the reviewer see it as in the base commit, and later runs are steered by it.';
    return remark('high', `${what} Plan and policy name it; ${consequence}`, { path });
  });
}
