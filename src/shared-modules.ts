import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Modules that all runs of a worker share, for Temporal's `preloadModules`; each run has the rest of the bundle for
 * itself. The curve and its table of multiples cost a run 0.5 MiB and some 25 ms of a processor; shared, a worker pays
 * for them once. Only pure code may stand here: what a shared module keeps, every run sees. The modules are named by
 * one of ours, since the bundler drops an import of a package that says it has no side effects.
 */
export const sharedModules = (): readonly string[] => [
  fileURLToPath(new URL(`./attestation/envelope${extname(import.meta.url)}`, import.meta.url)),
];
