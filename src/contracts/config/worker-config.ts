import { z } from 'zod';
import { EXECUTOR_ROLES } from '../names.js';
import { nameSchema } from '../primitives.js';
import { type ExecutorConfig, executorConfigSchema, isStarted, type StartedExecutorConfig } from './executor-config.js';
import { placeholderProblem, placeholdersOf } from './placeholders.js';
import { pricesSchema } from './prices.js';
import { networkSchema, type PassedEnvironment, passedEnvironmentSchema } from './program-environment.js';
import { sandboxSchema } from './sandbox-config.js';
import { type SignerConfig, signerConfigSchema } from './signer-config.js';
import { fsStoreSchema, s3StoreSchema } from './store-config.js';

interface SignersAndPrograms {
  readonly signers: Readonly<Record<string, SignerConfig>>;
  readonly executors: Readonly<Record<string, ExecutorConfig>>;
  readonly checks: { readonly env: PassedEnvironment };
  readonly setup: { readonly env: PassedEnvironment };
}

/** No program that the worker starts may be handed a variable that holds a key. */
function refusePassedKeys(config: SignersAndPrograms, context: z.RefinementCtx): void {
  const keys = new Set(Object.values(config.signers).flatMap((signer) => ('env' in signer ? [signer.env] : [])));
  const programs = [
    ...Object.entries(config.executors).flatMap(([name, executor]) =>
      isStarted(executor) ? [{ path: ['executors', name, 'env'], env: executor.env }] : [],
    ),
    { path: ['checks', 'env'], env: config.checks.env },
    { path: ['setup', 'env'], env: config.setup.env },
  ];
  for (const { path, env } of programs) {
    for (const [index, name] of env.allow.entries()) {
      if (!keys.has(name)) continue;
      const message = 'holds a key of signers: expected a variable that a program may see';
      context.addIssue({ code: 'custom', path: [...path, 'allow', index], message });
    }
  }
  for (const [name, executor] of Object.entries(config.executors)) {
    if (executor.kind !== 'model' || !keys.has(executor.api_key_env ?? '')) continue;
    const message = 'holds a key of signers: expected the variable of the key of the model service';
    context.addIssue({ code: 'custom', path: ['executors', name, 'api_key_env'], message });
  }
}

/** Where an executor's config has words with placeholders, and where the model is asked for. */
function placesOf(executor: StartedExecutorConfig) {
  switch (executor.kind) {
    case 'command':
      return { list: 'argv', words: executor.argv, requested: executor.model.requested, asked: 'model.requested' };
    case 'preset':
      return { list: 'arguments', words: executor.arguments, requested: executor.model, asked: 'model' };
    case 'model':
      return { list: 'argv', words: [], requested: executor.model, asked: 'model' };
    case 'acp':
      return { list: 'argv', words: executor.argv, requested: executor.model, asked: 'model' };
  }
}

/** Placeholders are filled in when an executor starts, so the known ones are named here, where people still read. */
function refusePlaceholders({ executors }: SignersAndPrograms, context: z.RefinementCtx): void {
  for (const [name, executor] of Object.entries(executors)) {
    if (!isStarted(executor)) continue;
    const { list, words, requested, asked } = placesOf(executor);
    const texts = [
      ...words.map((text, index) => ({ path: [list, index], text })),
      ...Object.entries(executor.env.set).map(([variable, text]) => ({ path: ['env', 'set', variable], text })),
    ];
    for (const { path, text } of texts) {
      const missing =
        placeholdersOf([text]).has('model') && requested === undefined
          ? `has {model}: expected ${asked}, whose value it takes`
          : null;
      const message = placeholderProblem(text) ?? missing;
      if (message !== null) context.addIssue({ code: 'custom', path: ['executors', name, ...path], message });
    }
  }
}

/** What one worker may do. Relative paths are relative to the file's own folder. */
export const workerConfigSchema = z
  .strictObject({
    schema_version: z.literal(1).describe('the version of the worker config format'),
    task_queue: nameSchema
      .optional()
      .describe("the engine's queue; the roles' queues add .writer, .verifier, .reviewer"),
    roles: z
      .array(z.enum(['engine', ...EXECUTOR_ROLES]))
      .min(1)
      .default(['engine', ...EXECUTOR_ROLES])
      .describe('the queues that this worker polls; one process may serve all'),
    repositories: z
      .record(
        nameSchema,
        z.union([
          z.strictObject({ path: z.string().min(1).describe('the folder of a clone on this machine') }),
          z.strictObject({ url: z.string().min(1).describe('a URL that git can fetch from') }),
        ]),
      )
      .default({})
      .describe('the repositories that runs may name'),
    trust: z
      .strictObject({
        policies: z
          .array(
            z
              .string()
              .min(1)
              .regex(
                /^(?!sha256:(?![0-9a-f]{64}$))/,
                'expected a path, or "sha256:" and 64 lower-case hexadecimal digits',
              ),
          )
          .min(1, 'a worker that trusts no policy can carry out nothing')
          .describe('paths of policy files, or sha256:… digests'),
      })
      .describe('which runs this worker carries out'),
    store: z
      .discriminatedUnion('kind', [fsStoreSchema, s3StoreSchema])
      .optional()
      .describe('where artifacts are kept; without it a folder of the state folder'),
    executors: z
      .record(nameSchema, executorConfigSchema)
      .default({})
      .describe('how each principal of an executor role does its gates'),
    checks: z
      .strictObject({
        allow: z
          .array(z.string().min(1))
          .default([])
          .describe('names of the policy\'s checks that may run on this worker; "*" for all of them'),
        env: passedEnvironmentSchema
          .prefault({})
          .describe('variables for toolchains that need more than PATH; HOME is a fresh folder'),
        network: networkSchema,
      })
      .prefault({})
      .describe('which checks run on this worker, and their environment'),
    prices: pricesSchema,
    setup: z
      .strictObject({
        allow: z
          .array(z.string().min(1))
          .default([])
          .describe('names of the policy\'s set-up commands that may run on this worker; "*" for all of them'),
        env: passedEnvironmentSchema
          .prefault({})
          .describe('variables for package managers that need more than PATH; HOME is a fresh folder'),
        network: networkSchema.describe('the most that set-up commands may reach: each gets what the policy gives it'),
      })
      .prefault({})
      .describe('which set-up commands run on this worker, their environment, and the most that they may reach'),
    sandbox: sandboxSchema,
    signers: z
      .record(nameSchema, signerConfigSchema)
      .default({})
      .describe('the private keys that this worker signs with, by principal; "engine" is the engine\'s'),
  })
  .superRefine(refusePassedKeys)
  .superRefine(refusePlaceholders);
export type WorkerConfig = z.infer<typeof workerConfigSchema>;
