import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

/**
 * The argument list as it is run. A program with a slash in its name is relative to the worker config's folder, never
 * to the checkout, whose files the work itself may have written; a bare name is looked for in PATH. An argument that
 * begins with `./` and names something in that folder stands for it; every other argument passes as it is.
 */
export function resolveArguments(argv: readonly string[], configDir: string): readonly string[] {
  const [program = '', ...rest] = argv;
  const named = program.includes('/') && !isAbsolute(program) ? resolve(configDir, program) : program;
  return [named, ...rest.map((argument) => resolveArgument(argument, configDir))];
}

function resolveArgument(argument: string, configDir: string): string {
  if (!argument.startsWith('./')) return argument;
  const path = resolve(configDir, argument);
  return existsSync(path) ? path : argument;
}
