import type { PrintLine } from '../print-line.js';

const LONGEST = 2_000;
const LONGEST_MS = 1_000;

/**
 * Prints what a model says as it comes, in pieces of a size that people can follow: a line for each token would make the
 * transcript twenty times as long as what was said.
 */
export function textParts(print: PrintLine) {
  let kind: 'text' | 'reasoning' = 'text';
  let held = '';
  let since = 0;
  const flush = (): void => {
    if (held !== '') print({ type: kind, text: held });
    held = '';
  };
  return {
    add: (of: typeof kind, text: string): void => {
      if (of !== kind) flush();
      kind = of;
      if (held === '') since = Date.now();
      held += text;
      if (held.length >= LONGEST || Date.now() - since >= LONGEST_MS) flush();
    },
    flush,
  };
}
