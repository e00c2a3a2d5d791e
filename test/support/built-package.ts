import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../../src/adapters/platform/lock.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The last step of the build writes this file. */
const LAST_BUILT = join(root, 'dist/prebuilt-workflows.js.version');
const BUILD_TIMEOUT_MS = 120_000;

/** The program as people call it. */
export const PROMPTOS = join(root, 'bin/promptos');

const newestSource = (): number =>
  Math.max(
    ...readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

/**
 * Before any test: builds the package when a source is newer than what was built, so that no test runs yesterday's program.
 * Of several test runs at once, one builds.
 */
export async function setup(): Promise<void> {
  await withLock(join(root, 'node_modules/.cache/promptos-build-lock'), { timeoutMs: BUILD_TIMEOUT_MS }, async () => {
    if (existsSync(LAST_BUILT) && statSync(LAST_BUILT).mtimeMs > newestSource()) return;
    execFileSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  });
}
