import { spawnSync } from 'node:child_process';
import { PROMPTOS } from './built-package.js';
import { composePath, readCompose, readWorkerImage } from './compose-file.js';
import { becoming } from './unix-users.js';

/** Starts a shell in a mount table of its own; root of this machine, or of a user namespace. */
export const UNSHARE =
  process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--user', '--map-root-user', '--mount'];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const depth = (path: string): number => path.split('/').length;

/** Whether this machine lets the tests mount. */
export const canMount = (): boolean => {
  const [program = '', ...args] = [...UNSHARE, 'sh', '-c', 'mount -t tmpfs none /srv'];
  return process.platform === 'linux' && spawnSync(program, args).status === 0;
};

export interface ComposeWorkerOptions {
  /** What is set when `docker compose` is called. */
  readonly variables: Readonly<Record<string, string>>;
  /** In the place of the variables that name the services of the file, and of the image's PATH. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * A command line that runs a script as the worker's service of docker-compose.yml is run, as far as that is possible without
 * a container engine: its mounts, tmpfs and secrets, its user, working folder and variables. The rest of the machine is as it
 * is. In the script `"$@"` is the image's command, with this package's program.
 */
export function composeWorker(
  script: string,
  { variables, env }: ComposeWorkerOptions,
): readonly [string, ...string[]] {
  const { services, secrets = {} } = readCompose(variables);
  const worker = services.worker ?? {};
  const image = readWorkerImage();
  const binds = (worker.volumes ?? []).map((mount) => {
    if (typeof mount === 'string') throw new Error(`the worker's mount ${mount} is not in the long form`);
    const flags = mount.read_only === true ? `mount -o remount,bind,ro ${quoted(mount.target)}` : ':';
    return { target: mount.target, how: `mount --bind ${quoted(composePath(mount.source))} "$target" && ${flags}` };
  });
  const empty = (worker.tmpfs ?? []).map((target) => ({ target, how: 'mount -t tmpfs -o mode=1777 none "$target"' }));
  const files = (worker.secrets ?? []).map(({ source, target }) => ({
    target,
    how: `: > "$target" && mount --bind ${quoted(composePath(secrets[source]?.file ?? ''))} "$target"`,
  }));
  // As a container engine does: the shorter path first, so that a mount within a mount is seen.
  const mounts = [...binds, ...empty, ...files].sort((one, other) => depth(one.target) - depth(other.target));
  const [uid = 0] = (worker.user ?? '0').split(':').map(Number);
  const become = process.getuid?.() === 0 ? becoming({ uid }) : [];
  const set = Object.entries({ ...image.env, ...worker.environment, ...env }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const command = image.command.map((word) => (word.endsWith('/bin/promptos') ? PROMPTOS : word));
  const lines = [
    'set -e',
    'mount -t tmpfs none /srv',
    `mkdir -p ${mounts
      .filter(({ target }) => depth(target) === 3)
      .map(({ target }) => quoted(target))
      .join(' ')}`,
    ...mounts.map(({ target, how }) => `target=${quoted(target)}; ${how}`),
    `cd ${quoted(worker.working_dir ?? '/')}`,
    'exec "$@"',
  ];
  const [program = '', ...args] = UNSHARE;
  return [
    program,
    ...[...args, 'sh', '-c', lines.join('\n'), 'mounts'],
    ...[...become, 'env', '-i', ...set, 'sh', '-c', script, 'worker', ...command],
  ];
}
