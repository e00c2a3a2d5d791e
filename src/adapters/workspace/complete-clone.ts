import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { gitWords, runGit } from '../git/run-git.js';

/** Rounds of fetching: each can show folders that were missing before. */
const ROUNDS = 64;

/**
 * Has a partial clone fetch what it lacks of one commit's tree, as a checkout of it would: a worker's mirror is fetched
 * from the clone, and gets only what is there.
 * @throws PromptOsError CLONE_INCOMPLETE
 */
export async function completeBaseTree(
  path: string,
  commit: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const remote = await promisorOf(path, env);
  if (remote === null) return;
  for (let round = 0; round < ROUNDS; round += 1) {
    const missing = await missingObjects(path, commit, env);
    if (missing.length === 0) return;
    const args = [
      ...['-c', 'fetch.negotiationAlgorithm=noop', 'fetch', remote, '--quiet', '--no-tags', '--no-write-fetch-head'],
      ...['--recurse-submodules=no', '--filter=blob:none', '--stdin'],
    ];
    const { exitCode, stderr } = await runGit({ args, cwd: path, env, input: missing.map((id) => `${id}\n`).join('') });
    if (exitCode === 0) continue;
    throw new PromptOsError(
      'CLONE_INCOMPLETE',
      `The clone is partial and lacks ${counted(missing.length, 'object')} of commit ${commit}; "${remote}" did not give them: ${gitWords(stderr)}.`,
    );
  }
  throw new PromptOsError('CLONE_INCOMPLETE', `The clone is partial and lacks objects of commit ${commit}.`);
}

/** The remote that a partial clone gets missing objects from; null for a whole clone. */
async function promisorOf(path: string, env: Readonly<Record<string, string>>): Promise<string | null> {
  const args = ['config', '--type=bool', '--get-regexp', '^remote\\..*\\.promisor$'];
  const { stdout } = await runGit({ args, cwd: path, env });
  return /^remote\.(.+)\.promisor true$/m.exec(stdout.toString('utf8'))?.[1] ?? null;
}

async function missingObjects(path: string, commit: string, env: Readonly<Record<string, string>>) {
  const args = ['rev-list', '--objects', '--missing=print', '--max-count=1', commit];
  const { exitCode, stdout, stderr } = await runGit({ args, cwd: path, env });
  if (exitCode !== 0) {
    throw new PromptOsError('GIT_FAILED', `git rev-list ended with exit code ${exitCode}: ${gitWords(stderr)}.`);
  }
  return stdout
    .toString('latin1')
    .split('\n')
    .flatMap((line) => (line.startsWith('?') ? [line.slice(1)] : []));
}
