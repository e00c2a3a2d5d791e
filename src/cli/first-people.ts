import { FIRST_AGENTS } from '../config/first-policy.js';
import { gitConfigValue } from '../config/git-facts.js';
import { slugName } from '../config/names.js';
import { PromptOsError } from '../contracts/errors.js';
import { ENGINE_SIGNER } from '../contracts/worker-config.js';
import { type PassphraseQuestions, terminalPassphrase } from './ask-passphrase.js';
import { type IntegratorKeyQuestions, terminalIntegratorKey } from './integrator-key.js';

/** What `init` asks a person in a terminal. Null: the person broke off. */
export interface InitQuestions extends PassphraseQuestions, IntegratorKeyQuestions {
  alone(repository: string): Promise<boolean | null>;
  /** Who decides on the developer's runs. */
  integrator(): Promise<string | null>;
}

/** Asks with @clack/prompts. */
export const terminalInitQuestions: InitQuestions = {
  ...terminalPassphrase,
  ...terminalIntegratorKey,
  alone: async (repository) => {
    const { confirm, isCancel } = await import('@clack/prompts');
    const answer = await confirm({ message: `Are you alone on ${repository}?`, initialValue: false });
    return isCancel(answer) ? null : answer;
  },
  integrator: async () => {
    const { isCancel, text } = await import('@clack/prompts');
    const message = 'Who decides on the runs that you start? (a name such as grace)';
    const answer = await text({
      message,
      validate: (name) => (slugName(name ?? '') === null ? 'Letters and digits, please.' : undefined),
    });
    return isCancel(answer) ? null : answer;
  },
};

/** What the command line says about people. */
export interface PeopleOptions {
  readonly alone?: true;
  readonly notAlone?: true;
  readonly developer?: string;
  readonly integrator?: string;
  readonly integratorKey?: string;
}

/** Who starts runs on a repository, and who decides on them. */
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
  throw new PromptOsError(
    'USAGE',
    `${option}: expected a name with a letter or digit of the Latin alphabet, received "${given}".`,
  );
}

/** The name of whoever sits here, as git knows it. */
async function developerName(given: string | undefined, top: string): Promise<string> {
  if (given !== undefined) return nameOf(given, '--developer');
  const known = (await gitConfigValue(top, 'user.name')) ?? '';
  const mail = (await gitConfigValue(top, 'user.email'))?.split('@')[0] ?? '';
  return slugName(known) ?? slugName(mail) ?? 'developer';
}

/**
 * The people of a repository: from the command line, else asked for, else taken the careful way.
 * @param questions null when nobody is to be asked
 * @throws PromptOsError USAGE
 */
export async function findPeople(
  options: PeopleOptions,
  top: string,
  questions: InitQuestions | null,
): Promise<FirstPeople> {
  const developer = await developerName(options.developer, top);
  const assumptions: string[] = [];
  let alone = options.alone === true;
  const said = alone || options.notAlone === true || options.integrator !== undefined;
  if (!said && options.integratorKey === undefined) {
    const answer = questions === null ? false : await questions.alone(top);
    if (answer === null) throw brokenOff();
    alone = answer;
    if (questions === null)
      assumptions.push(
        'You were taken not to be alone on this repository: self_approval is refused. --alone says otherwise.',
      );
  }
  if (alone && options.integrator !== undefined && nameOf(options.integrator, '--integrator') !== developer) {
    throw new PromptOsError(
      'USAGE',
      `--alone: then "${developer}" decides, received --integrator "${options.integrator}".`,
    );
  }
  if (alone) return distinct({ developer, integrator: developer, alone, assumptions });
  const named = options.integrator ?? (questions === null ? 'integrator' : await questions.integrator());
  if (named === null) throw brokenOff();
  if (options.integrator === undefined && questions === null) {
    assumptions.push(
      'Nobody was named to decide: the policy calls them "integrator". Put a name there, or give --integrator NAME.',
    );
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
    const whose = taken === ENGINE_SIGNER ? 'stands for the engine' : 'is the name of an agent in the policy';
    throw new PromptOsError('USAGE', `"${taken}" ${whose}; a human needs another.`);
  }
  return people;
}
