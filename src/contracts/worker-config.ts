import { z } from 'zod';
import { failureRulesSchema, jsonPointerSchema, usageLocationSchema } from './executor-output.js';
import { policyKeySchema } from './keys.js';
import { EXECUTOR_ROLES } from './names.js';
import { type NetworkAccess, networkAccessSchema } from './network-access.js';
import { placeholderProblem, placeholdersOf } from './placeholders.js';
import { portablePathProblem } from './portable-path.js';
import { presetExecutorSchema } from './preset-executor.js';
import { durationSchema, nameSchema } from './primitives.js';

/** Where in what an executor printed or wrote its answer is. Applied in this order: source, pointer, fence. */
const answerLocationSchema = z
  .strictObject({
    from: z.enum(['stdout', 'file']).default('stdout').describe('where the executor writes its answer'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe("with `from: file`, a path relative to the executor's scratch folder (`PROMPTOS_SCRATCH`)"),
    pointer: jsonPointerSchema
      .optional()
      .describe('RFC 6901 pointer into the JSON found there; a string found there is parsed further'),
    fence: z
      .string()
      .min(1)
      .optional()
      .describe('the answer is the last fenced block of the text with this info string'),
  })
  .refine(({ from, file }) => from !== 'file' || file !== undefined, {
    path: ['file'],
    message: 'expected the file that the answer is in, since from is "file"',
  });
export type AnswerLocation = z.infer<typeof answerLocationSchema>;

/** What a program that a worker starts sees of the worker's own environment. */
const passedEnvironmentSchema = z.strictObject({
  allow: z
    .array(z.string().min(1))
    .default(['PATH', 'LANG', 'LC_ALL', 'TMPDIR'])
    .describe("variables of the worker's own environment that pass"),
  set: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('variables that are set, also over those of the worker'),
});
export type PassedEnvironment = z.infer<typeof passedEnvironmentSchema>;

export type { NetworkAccess };

const networkSchema = networkAccessSchema.default('none');

const GIB = 1_024 ** 3;

/** Over everything that one program starts. */
const sandboxLimitsSchema = z.strictObject({
  memory_bytes: z
    .int()
    .positive()
    .default(8 * GIB)
    .describe('memory of all processes together'),
  cpu_seconds: z
    .int()
    .positive()
    .default(4 * 3_600)
    .describe('processor time of each process'),
  processes: z.int().positive().default(1_024).describe('processes and threads at a time'),
  file_bytes: z
    .int()
    .positive()
    .default(4 * GIB)
    .describe('size of each file'),
  disk_bytes: z
    .int()
    .positive()
    .default(16 * GIB)
    .describe('size of all files in the checkout and the scratch folder together'),
});
export type SandboxLimits = z.infer<typeof sandboxLimitsSchema>;

const sandboxSchema = z
  .union([
    z.literal('none'),
    z.strictObject({
      readable: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'files and folders that the programs may read besides the system, such as a toolchain in a home folder',
        ),
      limits: sandboxLimitsSchema.prefault({}).describe('what a program may use before it is stopped'),
    }),
  ])
  .prefault({})
  .describe('the sandbox of every executor, check and set-up command; "none" runs them without one');
export type SandboxConfig = z.infer<typeof sandboxSchema>;
/** Of a config that says nothing of it. */
export const DEFAULT_SANDBOX: SandboxConfig = sandboxSchema.parse(undefined);

export const commandExecutorSchema = z.strictObject({
  kind: z.literal('command').describe('a program that the worker starts'),
  argv: z
    .array(z.string().min(1))
    .min(1)
    .describe('the program and its arguments; the prompt arrives on standard input'),
  env: passedEnvironmentSchema.prefault({}).describe('the environment of the program'),
  home: z
    .record(
      z
        .string()
        .refine(
          (path) => portablePathProblem(path) === null,
          'expected a relative path such as ".agent/settings.json"',
        ),
      z.string(),
    )
    .default({})
    .describe('files that the program finds in its HOME, such as its settings: their text by path'),
  network: networkSchema,
  answer: answerLocationSchema
    .prefault({})
    .describe('where the answer is in what the program printed or wrote; applied in the order from, pointer, fence'),
  timeout: durationSchema.default(30 * 60_000).describe('the program is stopped and the try fails after this long'),
  max_output_bytes: z.int().positive().default(10_000_000).describe('the executor is stopped when it prints more'),
  model: z
    .strictObject({
      requested: z.string().min(1).optional().describe('the model that the program asks for, as the record shows it'),
      served_pointer: z
        .string()
        .optional()
        .describe('RFC 6901 pointer to the name of the model that answered, in the JSON that the program printed'),
    })
    .prefault({})
    .describe('which model does the work, for the record'),
  failures: failureRulesSchema,
  retry_for: durationSchema
    .default(24 * 3_600_000)
    .describe('how long transient trouble of the provider is retried before a P08 asks people'),
  usage: usageLocationSchema,
});
export type CommandExecutorConfig = z.infer<typeof commandExecutorSchema>;

export const executorConfigSchema = z.discriminatedUnion('kind', [commandExecutorSchema, presetExecutorSchema]);
export type ExecutorConfig = z.infer<typeof executorConfigSchema>;

export const ENGINE_SIGNER = 'engine';

const passphraseFileSchema = z
  .string()
  .min(1)
  .optional()
  .describe('the file that holds the passphrase of the key; a worker cannot ask for it');

/** Where a worker has a private key from. */
export const signerConfigSchema = z.union([
  z.strictObject({
    file: z.string().min(1).describe('a private Ed25519 key: PKCS#8 PEM or OpenSSH, mode 0600'),
    passphrase_file: passphraseFileSchema,
  }),
  z.strictObject({
    env: z
      .string()
      .regex(
        /^(?!PROMPTOS_)[A-Za-z_][A-Za-z0-9_]*$/,
        'expected the name of a variable that does not begin with PROMPTOS_',
      )
      .describe('the variable that holds the text of such a file'),
    passphrase_file: passphraseFileSchema,
  }),
  z.strictObject({
    agent: z.literal(true).describe('the ssh-agent that SSH_AUTH_SOCK names'),
    public: policyKeySchema.shape.public.optional().describe('the public key to use, when the agent has several'),
  }),
]);
export type SignerConfig = z.infer<typeof signerConfigSchema>;

interface SignersAndPrograms {
  readonly signers: Readonly<Record<string, SignerConfig>>;
  readonly executors: Readonly<Record<string, ExecutorConfig>>;
  readonly checks: { readonly env: PassedEnvironment };
}

/** No program that the worker starts may be handed a variable that holds a key. */
function refusePassedKeys(config: SignersAndPrograms, context: z.RefinementCtx): void {
  const keys = new Set(Object.values(config.signers).flatMap((signer) => ('env' in signer ? [signer.env] : [])));
  const programs = [
    ...Object.entries(config.executors).map(([name, { env }]) => ({ path: ['executors', name, 'env'], env })),
    { path: ['checks', 'env'], env: config.checks.env },
  ];
  for (const { path, env } of programs) {
    for (const [index, name] of env.allow.entries()) {
      if (!keys.has(name)) continue;
      const message = 'holds a key of signers: expected a variable that a program may see';
      context.addIssue({ code: 'custom', path: [...path, 'allow', index], message });
    }
  }
}

/** Placeholders are filled in when an executor starts, so the known ones are named here, where people still read. */
function refusePlaceholders({ executors }: SignersAndPrograms, context: z.RefinementCtx): void {
  for (const [name, executor] of Object.entries(executors)) {
    const [list, requested] =
      executor.kind === 'preset'
        ? (['arguments', executor.model] as const)
        : (['argv', executor.model.requested] as const);
    const words: readonly string[] = executor.kind === 'preset' ? executor.arguments : executor.argv;
    const texts = [
      ...words.map((text, index) => ({ path: [list, index], text })),
      ...Object.entries(executor.env.set).map(([variable, text]) => ({ path: ['env', 'set', variable], text })),
    ];
    for (const { path, text } of texts) {
      const missing =
        placeholdersOf([text]).has('model') && requested === undefined
          ? `has {model}: expected ${executor.kind === 'preset' ? 'model' : 'model.requested'}, whose value it takes`
          : null;
      const message = placeholderProblem(text) ?? missing;
      if (message !== null) context.addIssue({ code: 'custom', path: ['executors', name, ...path], message });
    }
  }
}

const fsStoreSchema = z.strictObject({
  kind: z.literal('fs').describe('a folder'),
  path: z.string().min(1).describe('the folder of the store; every worker and person of a run must reach the same one'),
});

export const s3StoreSchema = z.strictObject({
  kind: z.literal('s3').describe('a bucket of S3 or of a compatible server'),
  bucket: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      'expected the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens',
    )
    .describe('the bucket; create it before the first run'),
  prefix: z
    .string()
    .max(200)
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/,
      'expected what the keys in the bucket begin with, such as "promptos" or "team/promptos", without a slash at its ends',
    )
    .describe('the prefix of every key in the bucket'),
  endpoint: z
    .string()
    .regex(
      /^https?:\/\/[^\s/?#@]+\/?$/,
      'expected a URL of scheme, host and port, such as "https://s3.example.org:9000", without credentials and path',
    )
    .optional()
    .describe('the server, for a store that is not AWS; without it the AWS endpoint of the region'),
  region: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected a region such as "eu-central-1"')
    .optional()
    .describe("the bucket's region; without it that of the AWS configuration, and us-east-1 with an endpoint"),
});
export type S3StoreConfig = z.infer<typeof s3StoreSchema>;

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
    sandbox: sandboxSchema,
    signers: z
      .record(nameSchema, signerConfigSchema)
      .default({})
      .describe('the private keys that this worker signs with, by principal; "engine" is the engine\'s'),
  })
  .superRefine(refusePassedKeys)
  .superRefine(refusePlaceholders);
export type WorkerConfig = z.infer<typeof workerConfigSchema>;
