// The verifier: compares the patch with the plan, the scope and the engine's results of the checks.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { answerGate, output, patchedPaths, required } from './prompt-inputs.mjs';

/** A glob of the scope as a regular expression: `**` for any folders, `*` and `?` within one. */
function globPattern(glob) {
  const source = glob.replace(/\*\*\/?|[*?]|[\\^$.|+()[\]{}]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

const matchesAny = (globs, path) => globs.some((glob) => globPattern(glob).test(path));

/** The lines that say which tests fail, from a run of the project's own tests in this checkout. */
function failingTests() {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], {
    encoding: 'utf8',
    env,
    timeout: 60_000,
  });
  const names = (run.stdout ?? '').matchAll(/^\s*not ok \d+ - (.+)$/gm);
  return [...new Set([...names].map(([, name]) => name.trim()))];
}

function scopeFindings(paths, job, plan) {
  const planned = new Set(plan.components.flatMap(({ files }) => files));
  const outOfScope = paths.filter(
    (path) => !matchesAny(job.scope.allow, path) || matchesAny(job.scope.deny ?? [], path),
  );
  const unplanned = paths.filter((path) => !planned.has(path));
  const untouched = [...planned].filter((path) => !paths.includes(path));
  return [
    ...outOfScope.map((path) => ({
      severity: 'high',
      title: `${path} is outside the scope of the job`,
      detail: `Allowed: ${job.scope.allow.join(', ')}.`,
      path,
    })),
    ...unplanned.map((path) => ({
      severity: 'high',
      title: `${path} is not in the plan`,
      detail: `Planned: ${[...planned].join(', ')}.`,
      path,
    })),
    ...untouched.map((path) => ({
      severity: 'medium',
      title: `${path} was planned and not touched`,
      detail: 'The plan names this file; the patch does not hold it.',
      path,
    })),
  ];
}

function checkFindings(checks) {
  const failed = checks.filter(({ status }) => status !== 'passed');
  if (failed.length === 0) return [];
  const names = failingTests();
  return failed.map(({ name, status, exit_code }) => ({
    severity: 'high',
    title: `The check ${name} ${status.replace('_', ' ')} (exit code ${exit_code ?? 'none'})`,
    detail: names.length > 0 ? `Failing tests: ${names.join('; ')}.` : 'No failing test could be named.',
  }));
}

/** A criterion that no check proves: here only "there is a test of its own" can be looked up in the patch. */
function judgeByReading({ text }, paths) {
  if (!/\btest\b/i.test(text))
    return { met: false, evidence: 'No check is bound to it, and it cannot be read off the patch.' };
  const tests = paths.filter((path) => path.startsWith('test/') && existsSync(path));
  const own = tests.find((path) => /\btest\(/.test(readFileSync(path, 'utf8')));
  return own === undefined
    ? { met: false, evidence: 'The patch holds no test.' }
    : { met: true, evidence: `The patch holds ${own}, which the check runs with the rest.` };
}

function judgeCriterion(criterion, checks, paths) {
  if (criterion.check === undefined) return judgeByReading(criterion, paths);
  const check = checks.find(({ name }) => name === criterion.check);
  if (check === undefined) return { met: false, evidence: `The engine did not run the check ${criterion.check}.` };
  return {
    met: check.status === 'passed',
    evidence: `The engine ran \`${check.argv.join(' ')}\`: ${check.status}, exit code ${check.exit_code ?? 'none'}.`,
  };
}

/** P06. */
function verify(inputs) {
  const job = required(inputs, 'job');
  const { checks } = required(inputs, 'test_results');
  const paths = patchedPaths(required(inputs, 'patch'));
  const criteria = job.acceptance_criteria.map((criterion) => ({
    id: criterion.id,
    ...judgeCriterion(criterion, checks, paths),
  }));
  const findings = [...checkFindings(checks), ...scopeFindings(paths, job, required(inputs, 'plan'))];
  const unmet = criteria.filter(({ met }) => !met).map(({ id }) => id);
  const pass = checks.length > 0 && unmet.length === 0 && !findings.some(({ severity }) => severity === 'high');
  return output({
    verdict: pass ? 'pass' : 'fail',
    summary: pass
      ? `${paths.length} files, all planned and in scope; ${checks.length} checks passed; every criterion is met.`
      : `Criteria not met: ${unmet.join(', ') || 'none'}; findings: ${findings.map(({ title }) => title).join('; ') || 'none'}.`,
    criteria,
    findings,
  });
}

await answerGate({ P06: verify });
