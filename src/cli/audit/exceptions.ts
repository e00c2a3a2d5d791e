import type { PolicyFile } from '../../config/policy-file.js';
import { sha256Hex } from '../../contracts/digest.js';
import { own, readJson } from '../../contracts/json.js';
import type { PinnedKey } from '../../contracts/keys.js';
import { type CommitException, openCommitException } from '../../domain/attest/commit-exception.js';
import { isValidAt, pinKey, readEnvelope } from '../../domain/judge/authenticate.js';
import type { AuditRepository } from './audit-repository.js';

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
