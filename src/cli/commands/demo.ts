import { readFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { PromptOsError } from '../../contracts/errors.js';
import { type CommandContext, programOf } from '../context.js';
import type { DemoProject } from '../demo-project.js';
import type { PreparedRun } from '../prepare-run.js';

interface DemoOptions {
  readonly directory: string;
  readonly decideAs?: string;
}

const DEVELOPER = 'ada';
const INTEGRATOR = 'grace';

const EXAMPLES = `
Examples:
  promptos demo                       asks you at each gate, as the integrator ${INTEGRATOR}
  promptos demo --decide-as ${INTEGRATOR}    decides by itself and says so
  promptos demo --json | tail -n 1

Makes a small git repository with a failing test and runs its repair under governance: a question at the design gate, a
first patch that fails the test, a second that passes. The agents are three small programs; no model is needed. All that
they and people do is signed, with throwaway keys; at the end the record is verified and traced. Ctrl-C, and typing it
again, carries on with the same run.`;

/** `promptos demo`: one governed run from end to end, on a repository made for it. */
export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .description('watch one governed run from end to end')
    .option('--directory <dir>', 'where the small repository is made', 'promptos-demo')
    .option('--decide-as <name>', `decide without asking, as this integrator (without a terminal: ${INTEGRATOR})`)
    .addHelpText('after', EXAMPLES)
    .action(async (options: DemoOptions) => {
      const { ensureDemoProject } = await import('../demo-project.js');
      const { prepareRun } = await import('../prepare-run.js');
      const { resumeAndFollow, startAndFollow } = await import('../start-run.js');
      const output = context.output();
      const project = await ensureDemoProject(resolve(context.cwd, options.directory));
      output.say(
        `${project.made ? 'made' : 'found'}    ${shown(context, project.repository)}: a small git repository with a failing test`,
      );
      output.say(`keys    throwaway ones of this demonstration, without passphrase: ${shown(context, project.keys)}`);

      const unattended = options.decideAs ?? (output.interactive ? undefined : INTEGRATOR);
      if (unattended !== undefined)
        output.say(`decides ${unattended}, without asking anybody: this is a demonstration`);
      const choices = {
        worker: false,
        // What is carried on with is the run that the folder remembers.
        anew: true,
        ...(unattended === undefined ? { askAs: INTEGRATOR } : { decideAs: unattended }),
      };

      const prepared = await prepareRun(context, {
        developer: DEVELOPER,
        targetRepo: project.repository,
        request: project.request,
      });
      const open = await openRun(context, project, prepared);
      let ended: boolean;
      if (open === null) {
        await writeFile(project.currentRun, `${prepared.start.runId}\n`);
        ended = await startAndFollow(context, prepared, choices);
      } else {
        output.say(`resumes the run ${open} that an earlier demonstration left`);
        ended = await resumeAndFollow(context, prepared, async () => open, choices);
      }
      if (!ended) {
        output.say(`Or type \`${programOf(context)} demo\` again: it carries on with the same run.`);
        return;
      }
      const { auditDemo } = await import('../demo-audit.js');
      await auditDemo(context, project, { setting: prepared.setting, runId: open ?? prepared.start.runId });
      showNext(context, project);
    });
}

const shown = (context: CommandContext, path: string): string => relative(context.cwd, path) || '.';

/** The run of an earlier demonstration that has not ended, or null. */
async function openRun(context: CommandContext, project: DemoProject, prepared: PreparedRun): Promise<string | null> {
  const runId = (await readFile(project.currentRun, 'utf8').catch(() => '')).trim();
  if (runId === '') return null;
  const [{ GovernedRuns }, { connectTemporal }, { openStore }] = await Promise.all([
    import('../../client/client.js'),
    import('../connect.js'),
    import('../../adapters/open-store.js'),
  ]);
  const temporal = await connectTemporal(prepared.project, { start: true, log: context.output().note });
  try {
    const runs = new GovernedRuns({ client: temporal.client, taskQueue: '', store: openStore(prepared.setting) });
    return (await runs.describe(runId)).status === 'RUNNING' ? runId : null;
  } catch (error) {
    if (error instanceof PromptOsError && error.code === 'RUN_NOT_FOUND') return null;
    throw error;
  } finally {
    await temporal.close();
  }
}

function showNext(context: CommandContext, project: DemoProject): void {
  const output = context.output();
  const promptos = `${programOf(context)} -C ${shown(context, project.repository)}`;
  output.say('Next:');
  for (const [command, what] of [
    [`${promptos} run status latest`, 'what happened, gate by gate'],
    [`${promptos} apply latest --branch fix`, 'the approved patch as a commit'],
    [`${promptos} export --tree record`, 'the whole record as files'],
    [`${promptos} server stop`, 'ends the Temporal server'],
    [`${programOf(context)} init`, 'in a repository of your own'],
  ] as const) {
    output.say(`  ${command.padEnd(promptos.length + 28)} ${what}`);
  }
}
