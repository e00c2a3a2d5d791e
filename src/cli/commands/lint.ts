import { isAbsolute, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { builtInPackDir, readPackFolder } from '../../config/prompt-pack.js';
import { counted } from '../../contracts/sentences.js';
import { lintPack } from '../../prompt-pack/lint.js';
import type { LintFinding } from '../../prompt-pack/lint-text.js';
import type { CommandContext } from '../context.js';

const EXAMPLES = `
Examples:
  promptos lint                    the prompt pack that comes with promptos
  promptos lint ./my-prompts       the pack in ./my-prompts
  promptos lint . --json | jq .findings

Prints one line a finding, as "file:line severity code message". Ends with 0 when nothing is an error, 1 otherwise.

A text that must stay, such as a sample token, can be allowed in the front matter of its prompt, with a reason. It is
then a warning that shows the reason:
  lint_allow:
    - code: SECRET                 or ABSOLUTE_PATH
      text: "the text as the prompt has it"
      reason: "the provider's documentation has this sample"`;

/** A path that an editor or a terminal can open: relative where the file lies below the current folder. */
export function pathFrom(cwd: string, path: string): string {
  const shown = relative(cwd, path);
  return shown.startsWith('..') || isAbsolute(shown) ? path : shown;
}

const count = (findings: readonly LintFinding[], severity: LintFinding['severity']): string => {
  const number = findings.filter((finding) => finding.severity === severity).length;
  return counted(number, severity);
};

/** `promptos lint [DIR]`: everything wrong with a prompt pack. */
export function lintCommand(context: CommandContext): Command {
  return new Command('lint')
    .description('check a prompt pack: front matter, index, lock, secrets, paths')
    .argument('[dir]', 'the folder that holds prompts.index.json (default: the pack that comes with promptos)')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string | undefined) => {
      const folder = directory === undefined ? builtInPackDir() : resolve(context.cwd, directory);
      const { passed, findings } = lintPack(await readPackFolder(folder));
      const output = context.output();
      if (output.json) {
        output.emit({ passed, findings });
      } else {
        for (const { path, line, severity, code, message } of findings) {
          output.say(`${pathFrom(context.cwd, join(folder, path))}:${line} ${severity} ${code} ${message}`);
        }
        output.say(`${passed ? 'passed' : 'failed'}: ${count(findings, 'error')}, ${count(findings, 'warning')}`);
      }
      if (!passed) context.exit(1);
    });
}
