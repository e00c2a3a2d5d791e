import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Vite compiles on the way, as it does for the tests themselves; no build is needed. */
const LOADER = `
import { createServer, createServerModuleRunner } from 'vite';
const server = await createServer({ configFile: false, root: ${JSON.stringify(root)}, logLevel: 'error', appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true, include: [] } });
const runner = createServerModuleRunner(server.environments.ssr, { hmr: false });
await runner.import(process.argv[1]);
await runner.close();
await server.close();
`;

/**
 * Runs a TypeScript module of the repository in a node process of its own; the caller ends it.
 * @param module path from the repository's root.
 * @param args the module's `process.argv.slice(2)`.
 */
export const spawnTypeScript = (module: string, args: readonly string[]): ChildProcessByStdio<null, Readable, null> =>
  spawn(process.execPath, ['--input-type=module', '-e', LOADER, `/${module}`, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
