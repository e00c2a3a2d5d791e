import type { NetworkLog } from '../../contracts/record/network-log.js';
import { counted } from '../../contracts/sentences.js';
import { type JudgedFinding, plainFinding } from '../outputs/judged-output.js';
import { maskSecrets } from '../secrets/mask-secrets.js';

const NAMED_HOSTS = 10;

/** A program that looks for a way to send a credential away may try it as the name of a host. */
export const maskNetworkLog = (log: NetworkLog): NetworkLog => ({
  ...log,
  requests: log.requests.map((request) => ({
    ...request,
    host: request.host === null ? null : maskSecrets(request.host),
  })),
});

/**
 * What a program asked of the network and was refused. It got nothing, so nothing is blocked; a person should know that it
 * tried, or that the worker config lacks a host.
 * @param program its name at the beginning of a sentence
 * @param logs of all its tries, masked
 */
export function judgeNetwork(program: string, logs: readonly NetworkLog[]): readonly JudgedFinding[] {
  const refused = logs.flatMap(({ requests }) => requests.filter(({ allowed }) => !allowed));
  const omitted = logs.reduce((sum, { refused_omitted }) => sum + refused_omitted, 0);
  const count = refused.reduce((sum, request) => sum + request.count, omitted);
  if (count === 0) return [];
  const places = new Set(
    refused.flatMap(({ host, port, reason }) => (host === null ? [] : [`${host}:${port} (${reason})`])),
  );
  const named = [...places].slice(0, NAMED_HOSTS).join(', ');
  const more = places.size > NAMED_HOSTS ? ` and ${places.size - NAMED_HOSTS} more` : '';
  const where = named === '' ? '' : `: ${named}${more}`;
  const message = `${program} was refused ${counted(count, 'request')} to the network${where}.`;
  return [plainFinding('network_refused', 'medium', message)];
}
