import { type FileHandle, open, stat } from 'node:fs/promises';
import { type ErrorCode, PromptOsError, systemCode } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';

/** Keys and passphrases are small; whatever is larger was named by mistake. */
const MAX_BYTES = 64 * 1_024;
const GROUP_AND_OTHERS = 0o077;

interface PrivateFileOptions {
  /** What messages call it, such as `key`. */
  readonly what: string;
  readonly missing: ErrorCode;
  /** Texts that anyone may read, such as public keys; none when absent. */
  readonly isPublic?: (text: string) => boolean;
}

/**
 * The text of a file that only its owner may read. What is checked is what is read, also when the path changes in
 * between. A pipe (`<(pass show key)`) is taken too.
 * @throws PromptOsError `missing`; KEY_NOT_READABLE, also for a file that its group or others may read
 */
export async function readPrivateFile(path: string, options: PrivateFileOptions): Promise<string> {
  const refuse = (why: string, hint?: string): PromptOsError =>
    new PromptOsError(
      'KEY_NOT_READABLE',
      `The ${options.what} file ${path} ${why}.`,
      hint === undefined ? {} : { hint },
    );
  let file: FileHandle | undefined;
  try {
    // Opening a device may have effects.
    const before = await stat(path);
    if (!before.isFile() && !before.isFIFO()) throw refuse('is no file');
    file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_BYTES) throw refuse(`has ${counted(size, 'byte')}, expected ${MAX_BYTES} at most`);
    const text = await file.readFile('utf8');
    if ((mode & GROUP_AND_OTHERS) !== 0 && options.isPublic?.(text) !== true) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw refuse(`has the mode ${octal}: others than its owner can reach it`, `Do \`chmod 600 ${path}\`.`);
    }
    return text;
  } catch (error) {
    if (error instanceof PromptOsError) throw error;
    const code = systemCode(error) ?? String(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new PromptOsError(options.missing, `There is no ${options.what} file ${path}.`);
    }
    throw refuse(`cannot be read (${code})`);
  } finally {
    await file?.close();
  }
}

export type AskPassphrase = () => Promise<string>;

/**
 * The passphrase that a file holds: its text without the line's end.
 * @throws PromptOsError KEY_LOCKED when there is no such file or it is empty, KEY_NOT_READABLE
 */
export async function readPassphraseFile(path: string): Promise<string> {
  const text = await readPrivateFile(path, { what: 'passphrase', missing: 'KEY_LOCKED' });
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase === '') throw new PromptOsError('KEY_LOCKED', `The passphrase file ${path} is empty.`);
  return passphrase;
}
