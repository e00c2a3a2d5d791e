import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const COMPOSE_FILE = join(ROOT, 'docker-compose.yml');

export interface ComposeMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly bind?: Readonly<Record<string, unknown>>;
}

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly working_dir?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | ComposeMount)[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/** docker-compose.yml with its variables replaced: `${NAME:-default}`, the one form that it uses. */
export function readCompose(variables: Readonly<Record<string, string>> = {}): Compose {
  const text = readFileSync(COMPOSE_FILE, 'utf8');
  return parse(text.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name, fallback) => variables[name] || fallback)) as Compose;
}

/** A path of the file: relative ones are relative to its own folder. */
export const composePath = (path: string): string => resolve(dirname(COMPOSE_FILE), path);

/** What the last stage of the worker's image is started with. */
export interface WorkerImage {
  readonly env: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
}

export function readWorkerImage(): WorkerImage {
  const stage =
    readFileSync(join(ROOT, 'docker/worker.Dockerfile'), 'utf8')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const instruction = (name: string): string => new RegExp(`^${name} (.+)$`, 'm').exec(stage)?.[1] ?? '';
  return {
    env: Object.fromEntries(
      instruction('ENV')
        .split(' ')
        .map((pair) => pair.split('=') as [string, string]),
    ),
    command: [...(JSON.parse(instruction('ENTRYPOINT')) as string[]), ...(JSON.parse(instruction('CMD')) as string[])],
  };
}
