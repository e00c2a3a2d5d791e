import { type PatchRule, touchedPaths } from './patch-rule.js';
import { printable } from './path-names.js';
import { createScopeJudgement } from './scope-matching.js';

/** Every path that the patch touches is in the scope of the request and of the job. */
export const scopeRule: PatchRule = {
  title: 'Only files in scope are touched',
  escalates: true,
  judge: ({ patch, scopes, protected_paths, rules_version }) => {
    const judgement = createScopeJudgement(scopes, protected_paths, rules_version);
    return patch.files.flatMap((file) =>
      touchedPaths(file).flatMap((path) => {
        const reason = judgement(path);
        return reason === null
          ? []
          : [
              {
                severity: 'critical' as const,
                blocking: true,
                message: `${printable(path)} is out of scope: ${printable(reason, 800)}.`,
                path,
              },
            ];
      }),
    );
  },
};
