import type { RuleFinding } from '../contracts/findings.js';
import { addedTexts } from './added-texts.js';
import type { JudgedSecretHit, PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';
import { findSecretPatterns } from './secret-patterns.js';

const finding = ({ rule, path, line, message }: JudgedSecretHit): RuleFinding => ({
  severity: 'critical',
  blocking: true,
  message: `A likely secret: ${printable(message)} (${printable(rule, 80)}).`,
  path,
  ...(line >= 1 ? { line } : {}),
});

/** No credential is added: neither one that the scanner knows nor one of our own short list. */
export const secretsRule: PatchRule = {
  title: 'No secret is added',
  escalates: true,
  judge: ({ patch, secret_hits }) => {
    const own = addedTexts(patch).flatMap(({ path, text }) =>
      findSecretPatterns(text).map((hit) => ({ ...hit, path })),
    );
    const named = patch.files.flatMap(({ path, status }) =>
      status === 'deleted' ? [] : findSecretPatterns(path).map((hit) => ({ ...hit, line: 0, path: '(a file name)' })),
    );
    return [...secret_hits, ...own, ...named].map(finding);
  },
};
