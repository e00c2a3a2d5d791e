import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Command, Option } from 'commander';
import {
  checkName,
  FIRST_AGENTS,
  type ProjectSetup,
  renderFirstPolicy,
  renderFirstWorkerConfig,
} from '../../config/first-policy.js';
import { gitConfigValue, repositoryName } from '../../config/git-facts.js';
import { slugName } from '../../config/name-slug.js';
import { writeNewFiles } from '../../config/new-files.js';
import { findProjectFiles, type ProjectFiles } from '../../config/project-files.js';
import { findChecks, findScope } from '../../config/project-kinds.js';
import { builtInPackDir, readPromptPack } from '../../config/prompt-pack.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { CommandContext } from '../context.js';
import type { Output } from '../output.js';

interface InitOptions {
  readonly yes?: true;
  readonly alone?: true;
  readonly notAlone?: true;
  readonly developer?: string;
  readonly integrator?: string;
  readonly force?: true;
}

/** What `init` asks a person in a terminal. Null: the person broke off. */
export interface InitQuestions {
  alone(repository: string): Promise<boolean | null>;
  /** Who decides on the developer's runs. */
  integrator(): Promise<string | null>;
}

const terminalQuestions: InitQuestions = {
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

interface People {
  readonly developer: string;
  readonly integrator: string;
  readonly alone: boolean;
  /** What was decided without being asked, for the person to know. */
  readonly assumptions: readonly string[];
}

async function askPeople(options: InitOptions, top: string, output: Output, questions: InitQuestions): Promise<People> {
  const ask = output.interactive && options.yes !== true;
  const developer = await developerName(options.developer, top);
  const assumptions: string[] = [];
  let alone = options.alone === true;
  if (options.alone !== true && options.notAlone !== true && options.integrator === undefined) {
    const answer = ask ? await questions.alone(top) : false;
    if (answer === null) throw brokenOff();
    alone = answer;
    if (!ask)
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
  const named = options.integrator ?? (ask ? await questions.integrator() : 'integrator');
  if (named === null) throw brokenOff();
  if (options.integrator === undefined && !ask) {
    assumptions.push(
      'Nobody was named to decide: the policy calls them "integrator". Put a name there, or give --integrator NAME.',
    );
  }
  return distinct({ developer, integrator: nameOf(named, '--integrator'), alone, assumptions });
}

function distinct(people: People): People {
  const { developer, integrator, alone } = people;
  if (!alone && developer === integrator) {
    throw new PromptOsError('USAGE', `"${developer}" starts the runs and would decide on them too.`, {
      hint: 'Give --alone when that is meant, or another name with --integrator.',
    });
  }
  const agent = Object.values(FIRST_AGENTS).find((name) => name === developer || name === integrator);
  if (agent !== undefined)
    throw new PromptOsError('USAGE', `"${agent}" is the name of an agent in the policy; a human needs another.`);
  return people;
}

/** Keeps the state folder out of git, beside whatever the file says already. */
async function ignoreState(home: string): Promise<void> {
  const path = join(home, '.gitignore');
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.split(/\r?\n/).some((line) => /^\/?state\/?$/.test(line.trim()))) return;
  await writeFile(path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}state/\n`);
}

function tell(output: Output, files: ProjectFiles, setup: ProjectSetup, assumptions: readonly string[]): void {
  const { policy, workerConfig } = files;
  const checks = setup.checks.map((check) => ({ name: checkName(check, setup.checks), argv: check.argv }));
  output.say(`Written: ${policy}`);
  output.say(`         ${workerConfig}`);
  output.say();
  output.say(
    `Developer ${setup.developer}, integrator ${setup.integrator}; self-approval ${setup.alone ? 'allowed' : 'refused'}.`,
  );
  for (const { name, argv } of checks) output.say(`Check ${name}: ${argv.join(' ')}`);
  if (checks.length === 0)
    output.say('No test command was found: name one under `checks` and `default_checks` in the policy.');
  output.say(`Scope of a run without a request file: ${setup.scope.join(', ')}`);
  for (const assumption of assumptions) output.say(`Note: ${assumption}`);
  output.say();
  output.say('Next:');
  output.say('  1. Put your agents under `executors` in worker.yaml (docs/executors.md shows how).');
  output.say('  2. Read both files and commit them.');
  output.say('  3. promptos doctor');
  output.say(
    `  4. promptos dev --prompts "P00,P01,P03,P05,P06,P07" --developer "${setup.developer}" --target-repo . --notes "…"`,
  );
  output.emit({
    policy,
    worker_config: workerConfig,
    repository: setup.repository,
    developer: setup.developer,
    integrator: setup.integrator,
    self_approval: setup.alone ? 'allowed' : 'refused',
    checks,
    default_scope: setup.scope,
    assumptions,
  });
}

/** `promptos init`: the first policy and worker config of a repository. */
export function initCommand(context: CommandContext, questions: InitQuestions = terminalQuestions): Command {
  return new Command('init')
    .description('write a commented policy and worker config into .promptos/ of this repository')
    .option('-y, --yes', 'ask nothing; what is not said is answered the careful way')
    .addOption(
      new Option('--alone', 'you are alone on this repository and decide on your own runs').conflicts('notAlone'),
    )
    .option('--not-alone', 'somebody else decides on your runs')
    .option('--developer <name>', 'who starts runs (default: the name that git knows)')
    .option('--integrator <name>', 'who decides on them')
    .option('--force', 'replace a policy and a worker config that are there')
    .option('--json', 'print one JSON object instead')
    .addHelpText('after', '\nExample:\n  $ promptos init --not-alone --developer ada --integrator grace\n')
    .action(async (options: InitOptions) => {
      const output = context.output();
      const files = await findProjectFiles(context.cwd, context.env.PROMPTOS_HOME || undefined);
      if (files.repository === null) {
        throw new PromptOsError('REPO_NOT_GIT', `${context.cwd} is in no git repository.`, {
          hint: 'Run it inside a repository, or make one with `git init`.',
        });
      }
      const top = files.repository;
      const { assumptions, ...people } = await askPeople(options, top, output, questions);
      const setup: ProjectSetup = {
        ...people,
        repository: slugName(await repositoryName(top)) ?? 'repository',
        repositoryPath: relative(files.home, top) || '.',
        checks: await findChecks(top),
        scope: await findScope(top),
        packDigest: (await readPromptPack(builtInPackDir(), context.env)).digest,
      };
      await writeNewFiles(
        [
          { path: files.policy, text: renderFirstPolicy(setup) },
          { path: files.workerConfig, text: renderFirstWorkerConfig(setup) },
        ],
        options.force === true,
      );
      await ignoreState(files.home);
      tell(output, files, setup, assumptions);
    });
}
