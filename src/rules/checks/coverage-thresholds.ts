import { addedTo, type FileChange, removedFrom } from '../patch/file-changes.js';

export interface LoweredThreshold {
  readonly name: string;
  readonly from: number;
  /** Null where the threshold is gone. */
  readonly to: number | null;
  readonly line: number;
}

/** How much of the code must be covered, as coverage tools spell it, with its percentage. */
const THRESHOLD =
  /["']?(?<![\w-])(branches|functions|lines|statements|perFile|fail_under|fail-under|cov-fail-under|minimum_coverage|minimum|coverage_threshold|target|threshold)["']?\s{0,4}[:= ]\s{0,4}["']?(\d{1,3}(?:\.\d{1,4})?)(?![\w.])/gi;

const LINE_LIMIT = 2_000;

const thresholds = (text: string): readonly (readonly [name: string, value: number])[] =>
  [...text.slice(0, LINE_LIMIT).matchAll(THRESHOLD)].map(([, name = '', value = '']) => [name, Number(value)]);

/** Thresholds of coverage that the patch lowers or removes in a file; by name, and in their order where there are several. */
export function loweredThresholds(change: FileChange): readonly LoweredThreshold[] {
  const now = new Map<string, { readonly value: number; readonly line: number }[]>();
  for (const { text, line } of addedTo(change)) {
    for (const [name, value] of thresholds(text)) now.set(name, [...(now.get(name) ?? []), { value, line }]);
  }
  return removedFrom(change).flatMap(({ text, line }) =>
    thresholds(text).flatMap(([name, from]): readonly LoweredThreshold[] => {
      const after = now.get(name)?.shift();
      if (after === undefined) return [{ name, from, to: null, line }];
      return after.value < from ? [{ name, from, to: after.value, line: after.line }] : [];
    }),
  );
}
