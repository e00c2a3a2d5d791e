import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { COMPOSE_FILE, type Compose, type ComposeMount, readCompose } from '../support/compose-file.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is wrong with a compose file as far as this is known without a container engine. */
function composeProblems({ services, volumes = {} }: Compose): readonly string[] {
  return Object.entries(services).flatMap(([name, { image, build, depends_on, ports, volumes: mounts }]) => [
    ...(image === undefined || /:\d+\.\d+/.test(image) ? [] : [`${name}: ${image} is not pinned`]),
    ...(build === undefined || existsSync(join(ROOT, build.context, build.dockerfile))
      ? []
      : [`${name}: ${build.dockerfile} is missing`]),
    ...Object.entries(depends_on ?? {}).flatMap(([other, { condition }]) => {
      const awaited = services[other];
      if (awaited === undefined) return [`${name}: ${other} is no service`];
      return condition === 'service_healthy' && awaited.healthcheck === undefined
        ? [`${name}: ${other} has no health check to wait for`]
        : [];
    }),
    ...(ports ?? [])
      .filter((port) => !port.startsWith('127.0.0.1:'))
      .map((port) => `${name}: ${port} is open to the network`),
    ...(mounts ?? []).flatMap((mount) => {
      if (typeof mount !== 'string') {
        return mount.bind?.create_host_path === false ? [] : [`${name}: ${mount.source} would be made as root`];
      }
      const source = mount.slice(0, mount.lastIndexOf(':/'));
      const there = source.startsWith('.') ? existsSync(join(ROOT, source)) : Object.hasOwn(volumes, source);
      return there ? [] : [`${name}: ${source} is neither a folder nor a volume`];
    }),
  ]);
}

test('docker-compose.yml: pinned, closed to the network, and complete', () => {
  const compose = readCompose();
  expect(Object.keys(compose.services)).toEqual([
    'postgresql',
    'temporal-schema',
    'temporal',
    'temporal-namespace',
    'temporal-ui',
    'worker',
  ]);
  expect(composeProblems(compose)).toEqual([]);
});

test('docker-compose.yml: the schema tools have the version of the server', () => {
  const { services } = readCompose();
  const tag = (name: string): string | undefined => services[name]?.image?.split(':')[1];
  expect(tag('temporal-schema')).toBe(tag('temporal'));
  expect(tag('temporal-namespace')).toBe(tag('temporal'));
});

test('docker-compose.yml: what would be wrong is seen', () => {
  const problems = composeProblems({
    services: {
      database: { image: 'postgres:latest', ports: ['5432:5432'], volumes: ['data:/var/lib/data', './nowhere:/x:ro'] },
      worker: {
        build: { context: '.', dockerfile: 'docker/none.Dockerfile' },
        depends_on: { database: { condition: 'service_healthy' }, queue: { condition: 'service_started' } },
        volumes: [{ type: 'bind', source: './state', target: '/state' }],
      },
    },
  });
  expect(problems).toEqual([
    'database: postgres:latest is not pinned',
    'database: 5432:5432 is open to the network',
    'database: data is neither a folder nor a volume',
    'database: ./nowhere is neither a folder nor a volume',
    'worker: docker/none.Dockerfile is missing',
    'worker: database has no health check to wait for',
    'worker: queue is no service',
    'worker: ./state would be made as root',
  ]);
});

/** Compose 2 is a plugin of docker; the one of Debian 12 is Compose 1, which does not know two of the newer keys. */
function composeConfig(): { readonly program: readonly string[]; readonly text: string } | null {
  const text = readFileSync(COMPOSE_FILE, 'utf8');
  if (spawnSync('docker', ['compose', 'version']).status === 0) return { program: ['docker', 'compose'], text };
  if (spawnSync('docker-compose', ['version']).status !== 0) return null;
  return {
    program: ['docker-compose'],
    text: text.replaceAll(/^name: .*\n|^ *bind: \{ create_host_path: false \}\n/gm, ''),
  };
}

const known = composeConfig();

describe.skipIf(known === null)('docker-compose.yml (skipped without Docker Compose)', () => {
  test('Compose takes it, and reads the worker as the tests do', () => {
    const variables = { REPOSITORY: '/home/ada/shop', RUN_AS: '1234:1234' };
    const [program = '', ...args] = known?.program ?? [];
    const { status, stdout, stderr } = spawnSync(program, [...args, '--project-directory', ROOT, '-f', '-', 'config'], {
      input: known?.text ?? '',
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...variables },
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const [theirs, own] = [parse(stdout) as Compose, readCompose(variables)];
    const mounts = ({ services }: Compose) =>
      services.worker?.volumes?.map((mount) => {
        const { type, source, target, read_only = false } = mount as ComposeMount;
        return { type, source, target, read_only };
      });
    expect(mounts(theirs)).toEqual(mounts(own));
    for (const key of ['user', 'environment', 'working_dir', 'tmpfs'] as const) {
      expect(theirs.services.worker?.[key]).toEqual(own.services.worker?.[key]);
    }
    expect(theirs.services.worker?.secrets).toMatchObject(own.services.worker?.secrets ?? []);
    expect(
      Object.values(theirs.secrets ?? {})
        .map(({ file }) => file)
        .sort(),
    ).toEqual(
      Object.values(own.secrets ?? {})
        .map(({ file }) => file)
        .sort(),
    );
  });
});
