import type { RuleFinding } from '../contracts/findings.js';
import { homePathsIn } from './home-paths.js';
import type { PatchRule } from './patch-rule.js';

/** Lines longer than this are looked at up to here. */
const LINE_LIMIT = 200_000;

/** Nothing that is added names somebody's home folder. What may be a URL or a container's path is reported only. */
export const homePathsRule: PatchRule = {
  title: 'No home folder is named',
  escalates: false,
  judge: ({ patch }) =>
    patch.added_lines.flatMap(({ path, line, text }): readonly RuleFinding[] => {
      const found = homePathsIn(text.slice(0, LINE_LIMIT), path);
      if (found.length === 0) return [];
      const message = found.some(({ certain }) => certain)
        ? ({ severity: 'high', blocking: true, message: 'The line names an absolute path in a home folder.' } as const)
        : ({
            severity: 'info',
            blocking: false,
            message: 'The line may name a home folder; it is more likely a URL or a path in a container.',
          } as const);
      return [{ ...message, path, line }];
    }),
};
