// The writer: restates the context, declares the job, designs the change and builds it. No model, no network.
import { readFile } from 'node:fs/promises';
import { PLANNED_FILES, planChange } from './change-plan.mjs';
import { editSource, writeLeftoverTest } from './change-source.mjs';
import { answerGate, escalation, leftoverRule, output, required } from './prompt-inputs.mjs';

/** P00. The assumptions are facts of the checkout. */
async function lockContext(inputs) {
  const { context } = required(inputs, 'request');
  const manifest = JSON.parse(await readFile('package.json', 'utf8'));
  const dependencies = Object.keys(manifest.dependencies ?? {}).length;
  return output({
    project: context.project,
    summary: `${context.description} What has to come true: ${context.goal}`,
    goal: context.goal,
    stack: context.stack,
    constraints: context.constraints.map(({ id, text }) => ({ id, text })),
    assumptions: [
      `The project's tests run with \`${manifest.scripts?.test ?? 'no test script'}\`.`,
      `The project has ${dependencies} dependencies today.`,
      'A person who pays one cent more than another is acceptable; a fraction of a cent is not.',
    ],
  });
}

/** P01. Accepts the task unchanged: criteria word for word, and the requested scope. */
function declareJob(inputs) {
  const { task, scope } = required(inputs, 'request');
  return output({
    title: task.title,
    objective: task.description,
    deliverables: [
      `${PLANNED_FILES.source}: shares that add up to the total`,
      `${PLANNED_FILES.test}: a test of who pays the left-over cents`,
    ],
    acceptance_criteria: task.acceptance_criteria,
    scope,
    exclusions: task.out_of_scope,
  });
}

/** P03. A person decides who pays the left-over cents: the writer plans nothing before that decision. */
function designChange(inputs) {
  const request = required(inputs, 'request');
  const said = [...(inputs.feedback ?? [])].reverse().map(({ text }) => leftoverRule(text));
  const rule = said.find((answer) => answer !== null) ?? leftoverRule(JSON.stringify(request.task));
  if (rule === null) {
    return escalation({
      issue: 'The request does not say who pays the left-over cents of a bill that does not divide evenly.',
      impact: 'Either reading passes the tests that are there, and the tills would charge different people.',
      context: 'Of 10.00 between three people one cent is left: the shares are 3.34, 3.33, 3.33 or 3.33, 3.33, 3.34.',
      options: ['The people at the head of the list pay one cent more.', 'The people at its end pay one cent more.'],
      recommendation:
        'Let the first people of the list pay the left-over cents, one cent each: it is how most tills do it.',
    });
  }
  return output(planChange(rule, request.task));
}

/**
 * P05. The first change is plausible and wrong: rounding to the nearest cent, not tested on a bill of three. Once a
 * rejection says that it is wrong, the left-over cents are counted and distributed as the plan says.
 */
async function buildChange(inputs) {
  const plan = required(inputs, 'plan');
  const rule = leftoverRule(plan.data_flow ?? '');
  if (rule === null) throw new Error('the plan does not say who pays the left-over cents');
  const rejections = (inputs.feedback ?? []).filter(({ kind }) => kind === 'rejection');
  const exact = rejections.length > 0;
  const guarded = rejections.some(({ from_gate, text }) => from_gate === 'P07' && /people|whole|refuse/i.test(text));

  await editSource(PLANNED_FILES.source, { rule, exact, guarded });
  if (exact) await writeLeftoverTest(PLANNED_FILES.test, { rule, guarded });

  const criteria = (inputs.job ?? required(inputs, 'request').task).acceptance_criteria;
  const how = exact
    ? `The left-over cents are counted and the ${rule} people pay one each; ${PLANNED_FILES.test} tries it.`
    : 'Every share is the exact one rounded to the nearest cent.';
  return output({
    summary: exact
      ? `The ${rule} people of the list pay the left-over cents, one cent each.`
      : 'Shares are rounded to the nearest cent instead of down.',
    criteria: criteria.map(({ id }) => ({ id, how })),
    notes: rejections.map(({ from_gate, text }) =>
      `Made again after the rejection at ${from_gate}: ${text}`.slice(0, 480).toWellFormed(),
    ),
  });
}

await answerGate({ P00: lockContext, P01: declareJob, P03: designChange, P05: buildChange });
