import { z } from 'zod';

/** Variables of the caches that the engine keeps for checks, by name. */
export const CACHE_VARIABLES = [
  'npm_config_cache',
  'npm_config_store_dir',
  'YARN_CACHE_FOLDER',
  'YARN_GLOBAL_FOLDER',
  'PIP_CACHE_DIR',
  'POETRY_CACHE_DIR',
  'UV_CACHE_DIR',
  'GOMODCACHE',
  'GOCACHE',
  'CARGO_HOME',
  'MAVEN_ARGS',
] as const;
export type CacheVariable = (typeof CACHE_VARIABLES)[number];

/** What the worker decides for every program that it starts. */
const WORKER_VARIABLES = ['HOME', 'PATH', 'TMPDIR', 'CI'];

/** Maven's is the one that also carries other arguments: a check that sets it goes without the cache. */
const RESERVED = new Set(
  [...WORKER_VARIABLES, ...CACHE_VARIABLES].filter((name) => name !== 'MAVEN_ARGS').map((name) => name.toUpperCase()),
);

/** Why a policy may not set a variable for a check; null when it may. npm reads its variables in any case. */
function reservedBecause(name: string): string | null {
  const upper = name.toUpperCase();
  if (RESERVED.has(upper)) return 'is set by the engine';
  if (upper.startsWith('PROMPTOS_') || upper.startsWith('TEMPORAL_')) return "is of the engine's own";
  return null;
}

/** The name of a variable that a policy may set for a check. */
export const checkVariableSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of a variable, such as "NODE_ENV"')
  .superRefine((name, context) => {
    const why = reservedBecause(name);
    if (why === null) return;
    context.addIssue({ code: 'custom', message: `${name} ${why}: expected the name of another variable` });
  });
