import { existsSync } from 'node:fs';
import { keyFileOf } from '../config/key-files.js';
import { PromptOsError } from '../contracts/errors.js';
import type { PublicKey } from '../domain/attest/public-keys.js';
import type { CommandContext } from './context.js';
import { readGivenKeys } from './given-public-key.js';
import { keysFolderOf } from './named-key.js';

/** What a person in a terminal is asked about the integrator's key. Null: the person broke off. */
export interface IntegratorKeyQuestions {
  /** Lines, or the name of a file. Blank: there is no such key yet. */
  publicKey(integrator: string): Promise<string | null>;
  /** One of several, by its `keyid`. */
  chooseKey(integrator: string, keys: readonly PublicKey[]): Promise<string | null>;
  /** Whether the private key is to be on this machine. @param path the file of one that is there, else null */
  keepKeyHere(integrator: string, path: string | null): Promise<boolean | null>;
}

/** Asks with @clack/prompts. */
export const terminalIntegratorKey: IntegratorKeyQuestions = {
  publicKey: async (integrator) => {
    const { isCancel, multiline } = await import('@clack/prompts');
    const message = `The public key of ${integrator}: paste its line (ssh-ed25519 AAAA…) or the text of github.com/${integrator}.keys, or name a file. Enter twice ends it; only that when there is none yet.`;
    const answer = await multiline({ message });
    return isCancel(answer) ? null : (answer ?? '');
  },
  chooseKey: async (integrator, keys) => {
    const { isCancel, select } = await import('@clack/prompts');
    const options = keys.map(({ keyid }) => ({ value: keyid, label: keyid }));
    const answer = await select<string>({ message: `Which of these keys does ${integrator} sign with?`, options });
    return isCancel(answer) ? null : answer;
  },
  keepKeyHere: async (integrator, path) => {
    const { confirm, isCancel, log } = await import('@clack/prompts');
    log.warn(
      `A key of ${integrator} on this machine is weaker: whoever has your account can decide as ${integrator}, and approvals do not prove that somebody else looked. Stronger: ${integrator} runs \`promptos keys generate --for ${integrator}\` on a machine of their own and sends you the public line.`,
    );
    const message = path === null ? `Make a key for ${integrator} here all the same?` : `Use the key in ${path}?`;
    const answer = await confirm({ message, initialValue: false });
    return isCancel(answer) ? null : answer;
  },
};

export interface IntegratorKeyInput {
  readonly people: { readonly integrator: string; readonly alone: boolean };
  /** The value of `--integrator-key`. */
  readonly given: string | undefined;
  /** Null without a terminal to ask on. */
  readonly questions: IntegratorKeyQuestions | null;
}

/**
 * The integrator's own public key: given, else asked for; an answer that is no key is asked for again.
 * @returns null when the private key is to be on this machine
 * @throws PromptOsError USAGE, KEY_NOT_FOUND, KEY_NOT_READABLE
 */
export async function findIntegratorKey(context: CommandContext, input: IntegratorKeyInput): Promise<PublicKey | null> {
  const { people, given, questions } = input;
  if (given !== undefined) return chooseOne(await readGivenKeys(context, given, '--integrator-key'), input);
  if (people.alone || questions === null) return null;
  const { integrator } = people;
  for (;;) {
    const answer = await questions.publicKey(integrator);
    if (answer === null) throw withoutKey(integrator);
    if (answer.trim() === '') break;
    try {
      return await chooseOne(await readGivenKeys(context, answer, 'The answer'), input);
    } catch (error) {
      if (!(error instanceof PromptOsError) || error.code === 'USAGE') throw error;
      context.output().say(error.message);
    }
  }
  const path = keyFileOf(keysFolderOf(context), integrator);
  const here = await questions.keepKeyHere(integrator, existsSync(path) ? path : null);
  if (here !== true) throw withoutKey(integrator);
  return null;
}

async function chooseOne(
  keys: readonly PublicKey[],
  { people: { integrator }, questions }: IntegratorKeyInput,
): Promise<PublicKey> {
  const [first, ...others] = keys;
  if (first === undefined) throw withoutKey(integrator);
  if (others.length === 0) return first;
  if (questions === null) {
    const found = keys.map(({ keyid }) => keyid).join(', ');
    throw new PromptOsError('USAGE', `--integrator-key: expected one Ed25519 key, received ${keys.length}: ${found}.`, {
      hint: `Give the line of the key that ${integrator} signs with. \`promptos keys fingerprint LINE\` shows which is which.`,
    });
  }
  const chosen = await questions.chooseKey(integrator, keys);
  const key = keys.find(({ keyid }) => keyid === chosen);
  if (key === undefined) throw withoutKey(integrator);
  return key;
}

const withoutKey = (integrator: string): PromptOsError =>
  new PromptOsError('USAGE', `Nothing was written: there is no public key of ${integrator}.`, {
    hint: `Have ${integrator} run \`promptos keys generate --for ${integrator}\`, then give \`promptos init --integrator ${integrator} --integrator-key "ssh-ed25519 AAAA…"\`.`,
  });
