import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ExecutorOutcome } from '../../src/ports/gate-executor.js';
import { printed } from '../support/printed.js';
import type { AgentCase } from './agent-cases.js';

/** What a real agent printed in one scenario of the contract, shortened. */
export interface Recording {
  readonly version: string;
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Files that it made in the checkout. */
  readonly files: Readonly<Record<string, string>>;
}

const MAX_LINE = 3_000;

const pathOf = ({ agent }: AgentCase, scenario: string): string =>
  resolve('test/fixtures/agents', agent, `${scenario}.json`);

export function findRecording(agent: AgentCase, scenario: string): { path: string; recording: Recording } | null {
  const path = pathOf(agent, scenario);
  return existsSync(path) ? { path, recording: JSON.parse(readFileSync(path, 'utf8')) } : null;
}

/** Keeps what an agent printed, without the paths of this machine and without lines that are long. */
export function keepRecording(agent: AgentCase, scenario: string, outcome: ExecutorOutcome, checkout: string): void {
  const shorten = (bytes: Uint8Array): string =>
    Buffer.from(bytes)
      .toString()
      .replaceAll(dirname(checkout), '/run')
      .replaceAll(/\/\S*?(?=\/node_modules\/)/g, '/agent')
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:8080')
      .split('\n')
      .filter((line) => line.length <= MAX_LINE)
      .join('\n');
  const made = join(checkout, 'made.txt');
  const recording: Recording = {
    version: agent.version,
    exit_code: outcome.exit_code,
    stdout: shorten(printed(outcome.stdout)),
    stderr: shorten(printed(outcome.stderr)),
    files: existsSync(made) ? { 'made.txt': readFileSync(made, 'utf8') } : {},
  };
  const path = pathOf(agent, scenario);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(recording, null, 2)}\n`);
}
