import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { readNamedFile } from '../../config/files.js';
import { parseDocumentAs, parseYaml } from '../../config/yaml-document.js';
import { GATE_OUTPUT_SCHEMAS, type GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS, RUN_ARTIFACTS } from '../../contracts/artifacts.js';
import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { type RunRequest, runRequestSchema, type Scope } from '../../contracts/run/run-request.js';
import { scopesThatHold } from '../../rules/outputs/gate-outputs.js';

/** What a change is held to. */
export interface JudgedJob {
  readonly path: string;
  readonly title: string;
  readonly scopes: readonly Scope[];
  readonly plan: GateOutputs['P03'] | null;
}

async function readAs<S extends z.ZodType>(path: string, schema: S, code: ErrorCode): Promise<z.output<S>> {
  const bytes = await readNamedFile(path, 'FILE_NOT_READABLE');
  return parseDocumentAs(parseYaml(bytes, path), schema, code);
}

/**
 * Reads a job, from its file or from a published tree. A tree has the request too, whose scope holds as well, and the plan.
 * @throws PromptOsError FILE_NOT_READABLE, YAML_MALFORMED, JOB_INVALID, PLAN_INVALID, REQUEST_INVALID
 */
export async function readJob(
  cwd: string,
  { job: named, plan: namedPlan }: { readonly job: string; readonly plan?: string },
): Promise<JudgedJob> {
  const place = resolve(cwd, named);
  const isTree = statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
  const path = isTree ? join(place, GATE_PATHS.job) : place;
  if (isTree && !existsSync(path)) {
    throw new PromptOsError('FILE_NOT_READABLE', `The folder ${place} has no ${GATE_PATHS.job}.`, {
      hint: 'Name a job.json, or a folder that `promptos export --tree` wrote of a run that reached P01.',
    });
  }
  const job = await readAs(path, GATE_OUTPUT_SCHEMAS.P01, 'JOB_INVALID');
  const request: RunRequest | null = isTree
    ? await readAs(join(place, RUN_ARTIFACTS.request.path), runRequestSchema, 'REQUEST_INVALID')
    : null;
  const ownPlan = isTree ? join(place, GATE_PATHS.planOutput) : null;
  const plan =
    namedPlan !== undefined ? resolve(cwd, namedPlan) : ownPlan !== null && existsSync(ownPlan) ? ownPlan : null;
  return {
    path,
    title: job.title,
    scopes: request === null ? [job.scope] : scopesThatHold(request, job),
    plan: plan === null ? null : await readPlan(plan),
  };
}

async function readPlan(path: string) {
  if (!path.endsWith('.md')) return readAs(path, GATE_OUTPUT_SCHEMAS.P03, 'PLAN_INVALID');
  throw new PromptOsError(
    'PLAN_INVALID',
    `${path}: expected a plan as JSON, received the Markdown that is made from it.`,
    {
      hint: `Name the plan.json of the run: ${GATE_PATHS.planOutput} of its tree.`,
    },
  );
}
