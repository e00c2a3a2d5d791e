import type { PatchRule } from './patch-rule.js';

/** `/Users/x`, `/home/x`, `/root/…` and `C:\Users\x`, where they start a path: not inside a URL or a longer path. */
const HOME_PATH =
  /(?<![\w.~/)}-])\/(?:(?:Users|home)\/[A-Za-z0-9._-]+|root(?=\/|[\s"'`:;,)]|$))|file:\/\/\/(?:Users|home|root)\/|(?<![A-Za-z0-9])[A-Za-z]:[\\/]{1,2}Users[\\/]{1,2}[A-Za-z0-9._-]+/;

/** Lines longer than this are looked at up to here. */
const LINE_LIMIT = 200_000;

/** Nothing that is added names somebody's home folder. */
export const homePathsRule: PatchRule = {
  title: 'No home folder is named',
  escalates: false,
  judge: ({ patch }) =>
    patch.added_lines
      .filter(({ text }) => HOME_PATH.test(text.slice(0, LINE_LIMIT)))
      .map(({ path, line }) => ({
        severity: 'high',
        blocking: true,
        message: 'The line names an absolute path in a home folder.',
        path,
        line,
      })),
};
