import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMarkedFolder, removeFolder, removeLeftovers } from '../../platform/leftovers.js';
import type { OpenNetwork } from '../../platform/program-starter.js';
import { readEntry } from './allow-list.js';
import { startAllowProxy } from './allow-proxy.js';
import { createBridge } from './bridge.js';
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

const removeDeadSockets = () =>
  Promise.all([...new Set([tmpdir(), '/tmp'])].map((parent) => removeLeftovers(parent, FOLDER_PREFIX)));

/**
 * How a sandbox lets one program reach named hosts: a proxy of the program's own in this process, and the way to it.
 * @param outside without `resolve`, names are resolved by the system; without `proxyFor`, hosts are reached directly
 * @throws PromptOsError ENVIRONMENT_INVALID from the function that is returned, for a proxy that cannot be used
 */
export function createNetworkOpener(outside: Partial<Outside> = {}): OpenNetwork {
  const { resolve = resolveBySystem, proxyFor = () => null } = outside;
  let cleaned: Promise<unknown> | undefined;
  return async (hosts) => {
    // A proxy that cannot be used is an error of the worker's environment: the program is not started.
    for (const { host, port } of hosts.map(readEntry)) proxyFor('https', host, port);
    cleaned ??= removeDeadSockets();
    await cleaned;
    const folder = await makeSocketFolder();
    const socket = socketIn(folder);
    try {
      const proxy = await startAllowProxy(socket, hosts, { resolve, proxyFor });
      const close = () => proxy.close().finally(() => removeFolder(folder));
      return { socket, ...createBridge(socket, hosts), close };
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  };
}
