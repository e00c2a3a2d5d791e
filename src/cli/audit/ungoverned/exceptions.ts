import { join, resolve } from 'node:path';
import { writeNewFiles } from '../../../config/files.js';
import { type PolicyFile, readPolicy } from '../../../config/policy-file.js';
import { sha256Hex } from '../../../contracts/digest.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { own, prettyJson, readJson } from '../../../contracts/json.js';
import type { PinnedKey } from '../../../contracts/keys.js';
import type { Policy } from '../../../contracts/policy/policy.js';
import { durationSchema, lineSchema } from '../../../contracts/primitives.js';
import {
  type CommitException,
  commitExceptionStatement,
  openCommitException,
} from '../../../domain/attest/commit-exception.js';
import { sealStatement } from '../../../domain/attest/envelope.js';
import { isValidAt, pinKey, readEnvelope } from '../../../domain/judge/authenticate.js';
import type { CommandContext } from '../../app/context.js';
import { printableLine } from '../../app/printable.js';
import type { Questions } from '../../app/questions.js';
import { requireIntegrator } from '../../app/require-integrator.js';
import { withoutBreak } from '../../app/stop-signals.js';
import { openSigner } from '../../keys/signing.js';
import { type AuditRepository, openAuditRepository, requireCommit } from '../commits/audit-repository.js';
import { changeOfCommit } from '../commits/change.js';
import { readCommit } from '../commits/commit-facts.js';

/** Where signed exceptions are in a repository, one file for each commit. */
const EXCEPTIONS_DIR = '.promptos/exceptions';

export const exceptionPath = (commit: string): string => `${EXCEPTIONS_DIR}/${commit}.json`;

/** Bytes of an exception; each is a reason and a signature. */
const MAX_BYTES = 65_536;

export interface ExceptionReader {
  /** The exception of a commit in the branch that is looked at, why its file is none, or null without such a file. */
  exceptionOf(commit: string): Promise<CommitException | string | null>;
  /** Whether a file of a commit is a signed exception of some commit, expired or not. */
  isException(commit: string, path: string): Promise<boolean>;
}

/**
 * Reads exceptions out of commits. They count with the signature of an integrator of one of the policies.
 * @param until the commit whose tree says which exceptions there are
 */
export function createExceptionReader(
  repository: AuditRepository,
  until: string,
  policies: readonly PolicyFile[],
): ExceptionReader {
  const holders = integratorKeys(policies);
  const read = async (at: string, commit: string): Promise<CommitException | string | null> => {
    const object = `${at}:${exceptionPath(commit)}`;
    const size = await repository.ask(['cat-file', '-s', object]);
    if (size.exitCode !== 0) return null;
    if (policies.length === 0) return 'an exception counts only with --policy, whose integrators may sign it';
    if (Number(size.stdout.toString('latin1')) > MAX_BYTES) return `the exception has more than ${MAX_BYTES} bytes`;
    const envelope = readEnvelope(readJson(await repository.bytes(['cat-file', 'blob', object])));
    if (envelope === null) return 'the exception is no DSSE envelope with one signature';
    const keys = holders.map(({ key }) => key);
    const opened = openCommitException(envelope, keys);
    if (typeof opened === 'string') return `the exception does not count: ${opened}`;
    const { exception, keyid } = opened;
    const signers = holders.filter(({ name, key }) => name === exception.integrator && key.keyid === keyid);
    if (signers.length === 0) return `the exception does not count: ${keyid} is no key of ${exception.integrator}`;
    // No ledger has the time of the signature, so that of a revoked key may be made up.
    if (keys.some((key) => key.keyid === keyid && key.revoked_at !== null)) {
      return `the exception does not count: ${keyid} of ${exception.integrator} is revoked`;
    }
    if (!signers.some(({ key }) => isValidAt(key, exception.signed_at))) {
      return `the exception does not count: ${keyid} did not count at ${exception.signed_at}`;
    }
    const bytes = await repository.ask(['cat-file', 'commit', commit]);
    if (exception.commit !== commit || bytes.exitCode !== 0 || sha256Hex(bytes.stdout) !== exception.commit_sha256) {
      return 'the exception does not count: it is about another commit';
    }
    return exception;
  };
  return {
    exceptionOf: (commit) => read(until, commit),
    isException: async (at, path) => {
      const [, commit] = /^\.promptos\/exceptions\/([0-9a-f]{40}(?:[0-9a-f]{24})?)\.json$/.exec(path) ?? [];
      if (commit === undefined) return false;
      const found = await read(at, commit);
      return found !== null && typeof found !== 'string';
    },
  };
}

interface HeldKey {
  readonly name: string;
  readonly key: PinnedKey;
}

const integratorKeys = (policies: readonly PolicyFile[]): readonly HeldKey[] =>
  policies.flatMap(({ policy }) =>
    policy.roles.integrator.flatMap((name) =>
      (own(policy.principals, name)?.keys ?? []).map((key) => ({ name, key: pinKey(key) })),
    ),
  );

const POLICY = '.promptos/policy.yaml';

interface ExceptOptions {
  readonly as: string;
  readonly reason: string;
  readonly expires: string;
  readonly setup?: true;
  readonly policy?: string;
  readonly key?: string;
  readonly force?: true;
  readonly yes?: true;
}

export async function signException(
  context: CommandContext,
  given: string | undefined,
  options: ExceptOptions,
  questions: Pick<Questions, 'confirm'>,
): Promise<void> {
  const output = context.output();
  const integrator = options.as;
  const reason = parsedOption(lineSchema, options.reason, '--reason');
  const duration = parsedOption(durationSchema, options.expires, '--expires');
  const repository = await openAuditRepository(context.cwd, context.env);
  if (repository.bare) throw new PromptOsError('USAGE', 'A bare repository has no place for the file of an exception.');
  const commit = await commitOf(repository, given, options.setup === true);
  const path = options.policy === undefined ? join(repository.path, POLICY) : resolve(context.cwd, options.policy);
  const now = new Date();
  const policyKeys = keysOf((await readPolicy(path)).policy, integrator, now.toISOString());
  const { subject, committer } = await readCommit(repository, commit);
  const files = (await changeOfCommit(repository, commit)).files?.map((file) => file.path) ?? [];
  output.say(`Commit ${commit} by ${printableLine(`${committer.name} <${committer.email}>`)}`);
  output.say(`  ${printableLine(subject)}`);
  for (const file of files.slice(0, 20)) output.say(`  ${printableLine(file)}`);
  if (files.length > 20) output.say(`  and ${files.length - 20} more`);
  if (output.interactive && options.yes !== true) {
    const sure = await questions.confirm(`Sign as ${integrator} that no run has to cover this commit?`);
    if (sure !== true) throw new PromptOsError('USAGE', 'Nothing was signed.', { hint: 'Answer yes, or give --yes.' });
  }
  const exception = {
    commit,
    commit_sha256: sha256Hex(await repository.bytes(['cat-file', 'commit', commit])),
    integrator,
    reason,
    signed_at: now.toISOString(),
    expires_at: new Date(now.getTime() + duration).toISOString(),
  };
  const signer = await openSigner(context, { principal: integrator, key: options.key, policyKeys });
  if (!policyKeys.some(({ keyid }) => keyid === signer.keyid)) {
    const named = `${signer.keyid} is no key of "${integrator}" that counts now`;
    throw new PromptOsError('KEY_NOT_FOUND', `The policy does not list the key: ${named}.`);
  }
  const key = { keyid: signer.keyid, raw: signer.publicKey };
  const envelope = await sealStatement(commitExceptionStatement(exception), key, (message) => signer.sign(message));
  const file = exceptionPath(commit);
  const written = [{ path: join(repository.path, file), text: prettyJson(envelope) }];
  const report = (): void => {
    output.say(`Written: ${file}, until ${exception.expires_at}. Commit it in a commit of its own.`);
    output.emit({ file, ...exception, keyid: signer.keyid });
  };
  // The next call refuses an exception that is there.
  await withoutBreak(() => writeNewFiles(written, options.force === true), report);
  report();
}

async function commitOf(repository: AuditRepository, given: string | undefined, setup: boolean): Promise<string> {
  if ((given !== undefined) === setup) {
    throw new PromptOsError('USAGE', 'Expected either a commit or --setup.');
  }
  if (given !== undefined) return requireCommit(repository, given);
  const log = await repository.text(['log', '--diff-filter=A', '--reverse', '--format=%H', 'HEAD', '--', POLICY]);
  const [first = ''] = log.split('\n');
  if (first !== '') return first;
  throw new PromptOsError('BASE_NOT_FOUND', `No commit of HEAD introduced ${POLICY}.`, {
    hint: 'Commit what `promptos init` wrote, then run the command again.',
  });
}

function keysOf(policy: Policy, integrator: string, at: string) {
  requireIntegrator(policy, integrator, '--as');
  return (own(policy.principals, integrator)?.keys ?? []).map(pinKey).filter((key) => isValidAt(key, at));
}

interface Parses<T> {
  safeParse(text: string): { success: true; data: T } | { success: false; error: { issues: { message: string }[] } };
}

function parsedOption<T>(schema: Parses<T>, text: string, option: string): T {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new PromptOsError('USAGE', `${option}: ${parsed.error.issues[0]?.message}, received ${JSON.stringify(text)}.`);
}
