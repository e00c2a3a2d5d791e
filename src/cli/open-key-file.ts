import { createTextSigner } from '../adapters/keys/file-signer.js';
import { readPrivateFile } from '../adapters/keys/read-private-file.js';
import { PromptOsError } from '../contracts/errors.js';
import type { Signer } from '../ports/signer.js';
import { askPassphrase, canAskPassphrase, type PassphraseQuestions } from './ask-passphrase.js';
import type { CommandContext } from './context.js';

/** How often a person is asked before the command gives up. */
const TRIES = 3;

/**
 * The key of a file. On a terminal a passphrase that does not open it is asked again.
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED
 */
export async function openKeyFile(
  context: CommandContext,
  path: string,
  questions: PassphraseQuestions,
): Promise<Signer> {
  // Read once: what is read again may be a pipe that is empty by then.
  const text = await readPrivateFile(path, { what: 'key', missing: 'KEY_NOT_FOUND' });
  const ask = askPassphrase(context, path, questions);
  for (let tries = 1; ; tries += 1) {
    let answered = false;
    const passphrase = async (): Promise<string> => {
      const given = await ask();
      answered = true;
      return given;
    };
    try {
      return await createTextSigner(text, path, { passphrase });
    } catch (error) {
      const wrong = answered && error instanceof PromptOsError && error.code === 'KEY_LOCKED';
      if (!wrong || tries === TRIES || !canAskPassphrase(context)) throw error;
      context.output().note(error.summary);
    }
  }
}
