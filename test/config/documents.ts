import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A policy that holds, as text; lines are counted from 1 in the tests. */
export const POLICY = `schema_version: 1
name: example
principals:
  ada: { kind: human }
  grace: { kind: human }
  writer-agent: { kind: agent }
  verifier-agent: { kind: agent }
  reviewer-agent: { kind: agent }
roles:
  writer: writer-agent
  verifier: verifier-agent
  reviewer: reviewer-agent
  integrator: [grace]
checks:
  tests: { argv: [npm, test], timeout: 5m }
default_checks: [tests]
default_scope: { allow: [src/**] }
prompt_packs: ['${'0'.repeat(64)}']
decisions: { authentication: optional }
attestations: optional
`;

/** A folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file into a folder that goes when the test ends. */
export async function temporaryFile(name: string, text: string): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  return path;
}

/** What a promise was refused with. */
export async function refusalOf(promise: Promise<unknown>): Promise<Error & { code?: string; summary?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code?: string; summary?: string };
  }
  throw new Error('nothing was refused');
}
