import type { z } from 'zod';
import type { CommandExecutorConfig } from '../../../contracts/config/executor-config.js';
import type { failureRulesSchema, usageLocationSchema } from '../../../contracts/config/executor-output.js';
import { hostOfUrl, networkAccessSchema } from '../../../contracts/network-access.js';
import { findSecrets } from '../../../rules/secrets/find-secrets.js';
import type { Environment } from '../../platform/pass-variables.js';
import type { WorkLocation } from '../output/reported-work.js';

/** What promptos knows of one coding agent. With a preset of the worker config it makes a whole `command` executor. */
export interface AgentPreset {
  /** The agent's name, as records and messages have it. */
  readonly title: string;
  /** How a person installs the program. */
  readonly install: string;
  /** The program and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Further arguments of an agent that has a sandbox of its own, which does not start inside the worker's. */
  readonly sandbox_argv?: { readonly boxed: readonly string[]; readonly none: readonly string[] };
  /** Arguments that follow when a model is asked for; `{model}` in them is its name. */
  readonly model_argv: readonly string[];
  /** Arguments with which the program prints its version. */
  readonly version_argv: readonly string[];
  /** Variables of which one at least must hold a key of the model service. All that are set pass. */
  readonly credentials: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Files that the agent finds in its own, otherwise empty HOME. */
  readonly home: Readonly<Record<string, string>>;
  /** Hosts of the model services that the credentials are for. */
  readonly hosts: readonly [string, ...string[]];
  /** Variables that lead it to another model service; absent for an agent that has none. */
  readonly service?: {
    /** The variable with the service's address. */
    readonly url: string;
    /** Variables that such a service needs besides. None holds a secret. */
    readonly with?: readonly string[];
  };
  readonly answer: Partial<CommandExecutorConfig['answer']>;
  /** How it shows trouble of the provider, an exit code of 0 included. */
  readonly failures: NonNullable<z.input<typeof failureRulesSchema>>;
  readonly usage: z.input<typeof usageLocationSchema>;
  /** Where the model that answered is named; absent when the agent does not say, or repeats the one that was asked for. */
  readonly served_pointer?: string;
  /** Where it names its tools and their calls. */
  readonly work: WorkLocation;
}

/** Statuses of HTTP that another call may not meet: time-outs, limits of rate, and trouble of the service. */
export const TRANSIENT_STATUSES = [408, 429, 500, 502, 503, 504, 529];

/** Calls of tools in a message of Anthropic's protocol, which events of several agents repeat. */
export const TOOL_USE_CALLS: NonNullable<WorkLocation['calls']> = {
  kind: 'events',
  at: '/message/content/*',
  type: { member: 'type', is: ['tool_use'] },
  name: '/name',
  id: '/id',
};

/** A model service of one's own, such as a gateway of the company, to which the environment leads an agent. */
export type OwnService =
  | {
      readonly usable: true;
      /** The variable that names it. */
      readonly variable: string;
      /** The variables to set in the worker config. */
      readonly set: Readonly<Record<string, string>>;
      /** The host as a list of hosts has it. */
      readonly host: string;
    }
  | { readonly usable: false; readonly variable: string; readonly reason: string };

/** The service that an environment names for an agent; null where it names none. */
export function ownService({ service }: Pick<AgentPreset, 'service'>, env: Environment): OwnService | null {
  if (service === undefined) return null;
  const { url: variable, with: more = [] } = service;
  const address = env[variable] ?? '';
  if (address === '') return null;
  const unusable = (reason: string): OwnService => ({ usable: false, variable, reason });
  if (!URL.canParse(address)) return unusable('it is no URL');
  const url = new URL(address);
  const { protocol, username, password, search, hash, hostname } = url;
  if (!/^https?:$/.test(protocol)) return unusable('it is no address of HTTP');
  // The worker config is committed.
  if (username + password + search + hash !== '')
    return unusable('it may hold a secret: it has a user, a "?" or a "#"');
  if (findSecrets(address).length > 0) return unusable('it holds a secret');
  const host = hostOfUrl(url);
  if (!networkAccessSchema.safeParse({ hosts: [host] }).success) {
    return unusable(`a list of hosts cannot name ${hostname}`);
  }
  const set = Object.fromEntries([variable, ...more].flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  return { usable: true, variable, set, host };
}
