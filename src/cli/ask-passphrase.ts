import { resolve } from 'node:path';
import process from 'node:process';
import { type AskPassphrase, readPassphraseFile } from '../adapters/keys/read-private-file.js';
import { readEnvironment } from '../config/environment.js';
import { PromptOsError } from '../contracts/errors.js';
import type { CommandContext } from './context.js';

/** What is asked on a terminal; nothing that is typed is shown. Null: the person broke off. */
export interface PassphraseQuestions {
  passphrase(message: string): Promise<string | null>;
}

/** Asks with @clack/prompts. */
export const terminalPassphrase: PassphraseQuestions = {
  passphrase: async (message) => {
    const { isCancel, password } = await import('@clack/prompts');
    const answer = await password({ message });
    return isCancel(answer) ? null : (answer ?? '');
  },
};

/** The passphrase of a key that is there: from the file that PROMPTOS_PASSPHRASE_FILE names, else asked for. */
export const askPassphrase =
  (context: CommandContext, path: string, questions: PassphraseQuestions): AskPassphrase =>
  async () => {
    const file = passphraseFile(context);
    if (file !== null) return readPassphraseFile(file);
    if (context.output().interactive) return answered(questions.passphrase(`Passphrase of ${path}`));
    throw new PromptOsError('KEY_LOCKED', `The key ${path} has a passphrase, and there is no terminal to ask for it.`);
  };

/** Whether a person types passphrases here: no file gives them. */
export const canAskPassphrase = (context: CommandContext): boolean =>
  context.output().interactive && passphraseFile(context) === null;

/**
 * A passphrase for a key that is to be made; asked twice.
 * @param what what the question calls the key
 * @throws PromptOsError USAGE when nobody can be asked, or the two differ
 */
export async function askNewPassphrase(
  context: CommandContext,
  questions: PassphraseQuestions,
  what = 'the new key',
): Promise<string> {
  const file = passphraseFile(context);
  if (file !== null) return readPassphraseFile(file);
  if (!context.output().interactive) {
    throw new PromptOsError('USAGE', 'Expected a passphrase, and there is no terminal to ask for one.', {
      hint: 'Name a file with PROMPTOS_PASSPHRASE_FILE, or say --no-passphrase.',
    });
  }
  const first = await answered(questions.passphrase(`Passphrase for ${what}`));
  if (first === '') {
    throw new PromptOsError('USAGE', 'Expected a passphrase, received none.', {
      hint: 'Type one, or say --no-passphrase.',
    });
  }
  if ((await answered(questions.passphrase('The same again'))) === first) return first;
  throw new PromptOsError('USAGE', 'The two passphrases differ; no key was made.', { hint: 'Try again.' });
}

function passphraseFile(context: CommandContext): string | null {
  const file = readEnvironment(context.env).promptos.PROMPTOS_PASSPHRASE_FILE;
  return file === undefined ? null : resolve(context.cwd, file);
}

async function answered(answer: Promise<string | null>): Promise<string> {
  const text = await answer;
  if (text !== null) return text;
  // While a question stands the terminal sends no signal for Ctrl-C; it means the same there as everywhere.
  process.kill(process.pid, 'SIGINT');
  throw new PromptOsError('USAGE', 'The question for the passphrase was broken off.');
}
