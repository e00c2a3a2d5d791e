import type { TestProject } from 'vitest/node';
import { startTestServer, type TestServer } from './temporal.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the dev server that all test files share; each test takes a task queue and run ids of its own. */
    readonly temporalAddress: string;
  }
}

let server: TestServer | undefined;

/** Starts the one dev server of a test run; a test file gets its address with `inject('temporalAddress')`. */
export async function setup(project: TestProject): Promise<void> {
  server = await startTestServer();
  project.provide('temporalAddress', server.address);
}

/** Ends it. */
export async function teardown(): Promise<void> {
  await server?.stop();
}
