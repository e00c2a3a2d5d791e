import { z } from 'zod';

/**
 * Variables by which programs find the caches that the engine gives to checks. No policy moves them. Maven's carry other
 * arguments too, and so are not among them.
 */
const CACHE_VARIABLES = [
  'npm_config_cache',
  'npm_config_store_dir',
  'pnpm_config_store_dir',
  'YARN_CACHE_FOLDER',
  'YARN_GLOBAL_FOLDER',
  'PIP_CACHE_DIR',
  'POETRY_CACHE_DIR',
  'UV_CACHE_DIR',
  'GOMODCACHE',
  'GOCACHE',
  'CARGO_HOME',
];

/** What the worker decides for every program that it starts; npm reads its variables in any case. */
const RESERVED = new Set(['HOME', 'PATH', 'TMPDIR', 'CI', ...CACHE_VARIABLES].map((name) => name.toUpperCase()));

/** Why a policy may not set a variable for a check; null when it may. */
function reservedBecause(name: string): string | null {
  const upper = name.toUpperCase();
  if (RESERVED.has(upper)) return 'is set by the engine';
  if (upper.startsWith('PROMPTOS_') || upper.startsWith('TEMPORAL_')) return "is one of the engine's own";
  return null;
}

export const checkVariableSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of a variable, such as "NODE_ENV"')
  .superRefine((name, context) => {
    const why = reservedBecause(name);
    if (why === null) return;
    context.addIssue({ code: 'custom', message: `expected another variable, since ${name} ${why}` });
  });
