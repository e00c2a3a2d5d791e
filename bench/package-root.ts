import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The folder of this package, wherever the bench was compiled to. */
export const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve('promptos-temporal/package.json'));

/** The command that users type. */
export const PROMPTOS = join(PACKAGE_ROOT, 'bin', 'promptos');

/** The workflow bundle that `npm run build` made. */
export const WORKFLOW_BUNDLE = join(PACKAGE_ROOT, 'dist', 'prebuilt-workflows.js');
