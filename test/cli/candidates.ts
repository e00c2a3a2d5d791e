import { expect } from 'vitest';
import { type CommandLineOptions, promptos } from '../support/command-line.js';

/** What shells are offered for the last word of a line, without descriptions. */
export async function candidates(
  line: readonly string[],
  options: CommandLineOptions = {},
): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await promptos(['__complete', '--', ...line], options);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((candidate) => candidate !== '')
    .map((candidate) => candidate.replace(/\t.*/, ''));
}
