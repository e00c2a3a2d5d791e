import { type ClientContext, PROTOCOL_VERSION } from '@agentclientprotocol/sdk';
import type { AcpClientSettings } from '../../contracts/config/acp-executor.js';
import { isRecord } from '../../contracts/json.js';
import { SessionFailed } from './failure.js';
import { offerOf } from './offer.js';

/** What the agent says of itself. */
export interface Greeting {
  readonly agent: { readonly name: string | null; readonly version: string | null };
  /** Ids of the ways of authentication that it offers. */
  readonly auth: readonly string[];
  /** As it was received. */
  readonly received: unknown;
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Agrees on the protocol, and offers what the permission rule allows. */
export async function greet(
  agent: ClientContext,
  { permissions, client_files, start_timeout_ms }: AcpClientSettings,
): Promise<Greeting> {
  const answer = agent.request<unknown>('initialize', {
    protocolVersion: PROTOCOL_VERSION,
    clientInfo: { name: 'promptos', version: '1' },
    clientCapabilities: offerOf({ permissions, client_files }),
  });
  const received = await within(answer, start_timeout_ms);
  const { protocolVersion, agentInfo, authMethods } = isRecord(received) ? received : {};
  if (protocolVersion !== PROTOCOL_VERSION) {
    throw new SessionFailed({
      class: 'configuration',
      message: `The agent speaks version ${JSON.stringify(protocolVersion ?? null)} of the Agent Client Protocol; expected ${PROTOCOL_VERSION}.`,
    });
  }
  const { name, title, version } = isRecord(agentInfo) ? agentInfo : {};
  return {
    agent: { name: textOrNull(title) ?? textOrNull(name), version: textOrNull(version) },
    auth: (Array.isArray(authMethods) ? authMethods : []).flatMap((method) =>
      isRecord(method) && typeof method.id === 'string' ? [method.id] : [],
    ),
    received,
  };
}

async function within<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The agent did not answer "initialize" within ${milliseconds / 1_000} s. Check that its command line starts the Agent Client Protocol.`;
      reject(new SessionFailed({ class: 'configuration', message }));
    }, milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
