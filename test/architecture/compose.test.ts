import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/** What is wrong with a compose file as far as it can be told without a container engine. */
function composeProblems({ services, volumes = {} }: Compose): readonly string[] {
  return Object.entries(services).flatMap(([name, { image, build, depends_on, ports, volumes: mounts }]) => [
    ...(image === undefined || /:\d+\.\d+/.test(image) ? [] : [`${name}: ${image} is not pinned`]),
    ...(build === undefined || existsSync(join(ROOT, build.context, build.dockerfile))
      ? []
      : [`${name}: ${build.dockerfile} is not there`]),
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
      const source = mount.slice(0, mount.lastIndexOf(':/'));
      if (source.startsWith('${')) return [];
      const there = source.startsWith('.') ? existsSync(join(ROOT, source)) : Object.hasOwn(volumes, source);
      return there ? [] : [`${name}: ${source} is neither a folder nor a volume`];
    }),
  ]);
}

test('docker-compose.yml: pinned, closed to the network, and complete', () => {
  const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as Compose;
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
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as Compose;
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
      },
    },
  });
  expect(problems).toEqual([
    'database: postgres:latest is not pinned',
    'database: 5432:5432 is open to the network',
    'database: data is neither a folder nor a volume',
    'database: ./nowhere is neither a folder nor a volume',
    'worker: docker/none.Dockerfile is not there',
    'worker: database has no health check to wait for',
    'worker: queue is no service',
  ]);
});
