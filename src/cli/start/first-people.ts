import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type AskedFolder, gitConfigValue } from '../../adapters/git/facts.js';
import { isPublicLine, publicKeyOfLine } from '../../adapters/keys/key-files.js';
import { readPrivateFile } from '../../adapters/keys/read-private-file.js';
import { FIRST_AGENTS } from '../../config/first-policy.js';
import { keyFileOf } from '../../config/key-files.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { slugName } from '../../contracts/sentences.js';
import type { PublicKey } from '../../domain/attest/public-keys.js';
import type { CommandContext } from '../app/context.js';
import { askOnce } from '../app/questions.js';
import { keysFolderOf, type PassphraseQuestions, terminalPassphrase } from '../keys/keys.js';

/**
 * The Ed25519 keys that a person gives: a line, several lines as `https://github.com/NAME.keys` has them, or the name of
 * a file with either. Lines of other key types are passed over beside an Ed25519 key.
 * @param what what messages call it
 * @returns at least one
 * @throws PromptOsError KEY_NOT_FOUND for a file that is missing, KEY_NOT_READABLE
 */
async function readGivenKeys(
  { cwd, env }: Pick<CommandContext, 'cwd' | 'env'>,
  given: string,
  what: string,
): Promise<readonly PublicKey[]> {
  const text = given.trim();
  if (text.includes('\n') || isPublicLine(text) || isPrivate(text) || /^ssh-/.test(text)) return keysOf(text, what);
  if (/^https?:/i.test(text)) {
    throw new PromptOsError('KEY_NOT_READABLE', `${what}: expected a public key or a file, received an address.`, {
      hint: 'Nothing is fetched. Open the address, and give the text that it shows.',
    });
  }
  const path = resolve(
    cwd,
    text.replace(/^~(?=\/)/, () => env.HOME ?? homedir()),
  );
  const options = { what: 'public key', missing: 'KEY_NOT_FOUND', isPublic: () => true } as const;
  return keysOf((await readPrivateFile(path, options)).trim(), path);
}

const isPrivate = (text: string): boolean => text.includes('PRIVATE KEY-----');

function keysOf(text: string, what: string): readonly PublicKey[] {
  if (isPrivate(text)) {
    throw new PromptOsError('KEY_NOT_READABLE', `${what}: expected a public key, received a private one.`, {
      hint: 'A private key stays with its owner. `promptos keys show FILE` prints the public line.',
    });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.filter((line) => isPublicLine(line) || line.startsWith('ssh-'));
  const usable = found.filter((line) => line.startsWith('ssh-ed25519 '));
  const keys = (usable.length > 0 ? usable : [found[0] ?? lines[0] ?? '']).map((line) => publicKeyOfLine(line, what));
  return keys.filter(({ keyid }, index) => keys.findIndex((other) => other.keyid === keyid) === index);
}

/** What a person in a terminal is asked about the integrator's key. Null: the person broke off. */
interface IntegratorKeyQuestions {
  /** Lines, or the name of a file. Blank: there is no such key yet. */
  publicKey(integrator: string): Promise<string | null>;
  /** One of several, by its `keyid`. */
  chooseKey(integrator: string, keys: readonly PublicKey[]): Promise<string | null>;
  /** Whether the private key is to be on this machine. @param path the file of one that is there, else null */
  keepKeyHere(integrator: string, path: string | null): Promise<boolean | null>;
}

const terminalIntegratorKey: IntegratorKeyQuestions = {
  publicKey: (integrator) => {
    const message = `The public key of ${integrator}: paste its line (ssh-ed25519 AAAA…) or the text of github.com/${integrator}.keys, or name a file. Enter twice ends it; only that when there is none yet.`;
    return askOnce(async ({ multiline }) => (await multiline({ message })) ?? '');
  },
  chooseKey: (integrator, keys) => {
    const options = keys.map(({ keyid }) => ({ value: keyid, label: keyid }));
    const message = `Which of these keys does ${integrator} sign with?`;
    return askOnce(({ select }) => select<string>({ message, options }));
  },
  keepKeyHere: (integrator, path) => {
    const warning = `A key of ${integrator} on this machine is weaker: anyone with your account can decide as ${integrator}, and approvals do not prove that another person looked. Stronger: ${integrator} runs \`promptos keys generate --for ${integrator}\` on a machine of their own and sends you the public line.`;
    const message = path === null ? `Make a key for ${integrator} here all the same?` : `Use the key in ${path}?`;
    return askOnce(({ confirm, log }) => {
      log.warn(warning);
      return confirm({ message, initialValue: false });
    });
  },
};

export interface IntegratorKeyInput {
  readonly people: { readonly integrator: string; readonly alone: boolean };
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

/** What `init` asks a person in a terminal. Null: the person broke off. */
export interface InitQuestions extends PassphraseQuestions, IntegratorKeyQuestions {
  alone(repository: string): Promise<boolean | null>;
  /** Who decides on the developer's runs. */
  integrator(): Promise<string | null>;
}

export const terminalInitQuestions: InitQuestions = {
  ...terminalPassphrase,
  ...terminalIntegratorKey,
  alone: (repository) =>
    askOnce(({ confirm }) => confirm({ message: `Are you alone on ${repository}?`, initialValue: false })),
  integrator: () => {
    const message = 'Who decides on the runs that you start? (a name such as grace)';
    const validate = (name = '') => (slugName(name) === null ? 'Letters and digits, please.' : undefined);
    return askOnce(({ text }) => text({ message, validate }));
  },
};

export interface PeopleOptions {
  readonly alone?: true;
  readonly notAlone?: true;
  readonly developer?: string;
  readonly integrator?: string;
  readonly integratorKey?: string;
}

export interface FirstPeople {
  readonly developer: string;
  readonly integrator: string;
  readonly alone: boolean;
  /** What was decided without being asked, for the person to know. */
  readonly assumptions: readonly string[];
}

const brokenOff = (): PromptOsError =>
  new PromptOsError('USAGE', 'Nothing was written: the question was not answered.', {
    hint: 'Answer it, or give --alone, or --not-alone and --integrator NAME.',
  });

function nameOf(given: string, option: string): string {
  const name = slugName(given);
  if (name !== null) return name;
  const expected = 'expected a name with a letter or digit of the Latin alphabet';
  throw new PromptOsError('USAGE', `${option}: ${expected}, received "${given}".`);
}

/** The name of the person at this machine, as git knows it. */
export async function developerName(given: string | undefined, top: AskedFolder): Promise<string> {
  if (given !== undefined) return nameOf(given, '--developer');
  const known = (await gitConfigValue(top, 'user.name')) ?? '';
  const mail = (await gitConfigValue(top, 'user.email'))?.split('@')[0] ?? '';
  return slugName(known) ?? slugName(mail) ?? 'developer';
}

/**
 * The people of a repository: from the command line, else asked for, else taken the careful way.
 * @param questions null when nothing is to be asked
 * @throws PromptOsError USAGE
 */
export async function findPeople(
  options: PeopleOptions,
  top: AskedFolder,
  questions: InitQuestions | null,
): Promise<FirstPeople> {
  const developer = await developerName(options.developer, top);
  const assumptions: string[] = [];
  let alone = options.alone === true;
  const said = alone || options.notAlone === true || options.integrator !== undefined;
  if (!said && options.integratorKey === undefined) {
    const answer = questions === null ? false : await questions.alone(top.folder);
    if (answer === null) throw brokenOff();
    alone = answer;
    const careful = 'You were taken not to be alone on this repository: self_approval is refused.';
    if (questions === null) assumptions.push(`${careful} --alone says otherwise.`);
  }
  if (alone && options.integrator !== undefined && nameOf(options.integrator, '--integrator') !== developer) {
    const received = `received --integrator "${options.integrator}"`;
    throw new PromptOsError('USAGE', `--alone: then "${developer}" decides, ${received}.`);
  }
  if (alone) return distinct({ developer, integrator: developer, alone, assumptions });
  const named = options.integrator ?? (questions === null ? 'integrator' : await questions.integrator());
  if (named === null) throw brokenOff();
  if (options.integrator === undefined && questions === null) {
    assumptions.push('No integrator is named: the person who decides on the runs. Give --integrator NAME.');
  }
  return distinct({ developer, integrator: nameOf(named, '--integrator'), alone, assumptions });
}

function distinct(people: FirstPeople): FirstPeople {
  const { developer, integrator, alone } = people;
  if (!alone && developer === integrator) {
    throw new PromptOsError('USAGE', `"${developer}" starts the runs and would decide on them too.`, {
      hint: 'Give --alone when that is meant, or another name with --integrator.',
    });
  }
  // On a file system that ignores case, two such names would share one key file.
  const taken = [...Object.values(FIRST_AGENTS), ENGINE_SIGNER].find((name) =>
    [developer, integrator].some((human) => human.toLowerCase() === name),
  );
  if (taken !== undefined) {
    const whose = taken === ENGINE_SIGNER ? 'is the name of the engine' : 'is the name of an agent in the policy';
    throw new PromptOsError('USAGE', `"${taken}" ${whose}; a human needs another.`);
  }
  return people;
}
