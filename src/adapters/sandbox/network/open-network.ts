import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkLog } from '../../../contracts/network-log.js';
import { makeMarkedFolder, removeFolder, removeLeftovers } from '../../platform/leftovers.js';
import { startAllowProxy } from './allow-proxy.js';
import { createBridge, proxyVariables } from './bridge.js';
import { type Outside, resolveBySystem } from './dial.js';

const FOLDER_PREFIX = 'promptos-net';
/** The kernel's limit for the path of a Unix socket is 108 bytes, 104 on macOS. */
const MAX_SOCKET_PATH = 103;

const socketIn = (folder: string): string => join(folder, 'proxy.sock');

/** A folder for the socket of one proxy, which no other user can enter. */
async function makeSocketFolder(): Promise<string> {
  const folder = makeMarkedFolder(tmpdir(), FOLDER_PREFIX);
  if (Buffer.byteLength(socketIn(folder)) <= MAX_SOCKET_PATH) return folder;
  await removeFolder(folder);
  return makeMarkedFolder('/tmp', FOLDER_PREFIX);
}

/** How a sandbox lets one program reach named hosts: a proxy of its own in this process, and the way to it. */
export const createNetworkOpener = ({
  resolve = resolveBySystem,
  proxyFor,
}: Partial<Pick<Outside, 'resolve'>> & Pick<Outside, 'proxyFor'>) => {
  let cleaned: Promise<unknown> | undefined;
  return async (hosts: readonly string[]) => {
    cleaned ??= removeLeftovers(tmpdir(), FOLDER_PREFIX);
    await cleaned;
    const folder = await makeSocketFolder();
    const socket = socketIn(folder);
    const proxy = await startAllowProxy(socket, hosts, { resolve, proxyFor });
    return {
      socket,
      ...createBridge(socket),
      env: proxyVariables(hosts),
      close: async (): Promise<NetworkLog> => {
        const log = await proxy.close();
        await removeFolder(folder);
        return log;
      },
    };
  };
};
