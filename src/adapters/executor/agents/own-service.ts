import { hostOfUrl, networkAccessSchema } from '../../../contracts/network-access.js';
import { findSecrets } from '../../../rules/secrets/find-secrets.js';
import type { Environment } from '../../platform/pass-variables.js';
import type { AgentPreset } from '../presets/agent-preset.js';

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
