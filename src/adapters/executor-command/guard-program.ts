import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COMPILED = fileURLToPath(new URL('./guard.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('./guard.ts', import.meta.url));

/**
 * Node's arguments that run the guard: its compiled file, or, where only the sources are (in tests), their text,
 * which is plain JavaScript on purpose.
 */
export function guardArguments(): readonly string[] {
  if (existsSync(COMPILED)) return [COMPILED];
  return ['--input-type=module', '--eval', readFileSync(SOURCE, 'utf8')];
}
