import type { TestProject } from 'vitest/node';
import { setup as build } from './built-package.js';
import { startTestServer } from './temporal.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the dev server that all test files share; each test takes a task queue and run ids of its own. */
    readonly temporalAddress: string;
  }
}

/**
 * Builds the package, and starts the one dev server of a project's test run; a test file gets its address with `inject('temporalAddress')`.
 * @returns what ends it
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build();
  const server = await startTestServer();
  project.provide('temporalAddress', server.address);
  return () => server.stop();
}
