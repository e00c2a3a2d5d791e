import type { InspectedTarget } from '../adapters/workspace/target.js';
import { invalidDocument } from '../config/schema-problems.js';
import type { YamlDocument } from '../config/yaml-document.js';
import type { CommandContext } from './context.js';

/** Where the scope of a run is written: a request file, or the policy whose default it is. */
export interface WrittenScope {
  readonly document: YamlDocument;
  readonly key: 'scope' | 'default_scope';
}

/**
 * Says at its line which glob matches nothing in the base commit, and refuses one that matches other files in each of its
 * two readings.
 * @throws PromptOsError REQUEST_INVALID, POLICY_INVALID
 */
export function judgeWrittenScope(
  context: CommandContext,
  { document, key }: WrittenScope,
  { baseCommit, scope }: InspectedTarget,
): void {
  const twofold = scope.twofold.map(({ list, index, glob, write }) => ({
    path: [key, list, index],
    text: `the glob "${glob}" is a name and a set of characters, and both match files; write "${write}" for the name`,
  }));
  if (twofold.length > 0) {
    throw invalidDocument(document, twofold, key === 'scope' ? 'REQUEST_INVALID' : 'POLICY_INVALID');
  }
  for (const { list, index, glob } of scope.idle) {
    const { line } = document.locate([key, list, index]);
    const place = `${document.name}:${line}: ${key}.${list}[${index}]`;
    const meaning = list === 'deny' ? 'it forbids new files only' : 'it allows new files only';
    context
      .output()
      .note(
        `note: ${place}: the glob "${glob}" matches no file of the base commit ${baseCommit.slice(0, 12)}; ${meaning}`,
      );
  }
}
