import type { BaselineCheck, TestCounts } from '../contracts/answers/gate-outputs.js';
import type { ExecutorUsage } from '../contracts/config/executor-output.js';
import type { Content } from '../contracts/long-bytes.js';
import type { GateId, SandboxKind } from '../contracts/names.js';
import type { NetworkAccess } from '../contracts/network-access.js';
import type { TestReport } from '../contracts/policy/policy-checks.js';
import type { ExecutorDescriptor } from '../contracts/record/attempt.js';
import type { NetworkLog } from '../contracts/record/network-log.js';
import type { AgentWork } from '../contracts/run/agent-work.js';
import type { LaidUnder } from './laid-under.js';

export interface ExecutorCall {
  readonly run_id: string;
  readonly gate: GateId;
  readonly attempt: number;
  /** The rendered prompt, given on standard input. */
  readonly prompt: string;
  /** The checkout that the executor works in: its current folder. */
  readonly directory: string;
  /** What is laid under the checkout: only for an executor that shows it. */
  readonly laidUnder?: LaidUnder | undefined;
  /** Variables that the policy's set-up gives; those of the worker config win. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
  /** Hears what the executor prints while it works. */
  readonly watch?: CommandWatch;
}

/**
 * A failure that is none of the answer's: the try does not count. `lost` has no value here, since it is thrown; a bad answer
 * is the outcome's `problem`.
 */
export type ExecutorFailure =
  | {
      /** The provider cannot answer now: overload, a rate limit, a cut stream. */
      readonly class: 'transient';
      /** In the provider's words, on one line, without credentials. */
      readonly message: string;
      /** How long the provider says to wait; null when it does not say. */
      readonly retry_after_ms: number | null;
      /** How long such trouble is retried before people are asked. */
      readonly retry_for_ms: number;
    }
  | { readonly class: 'authentication' | 'configuration' | 'budget'; readonly message: string };

/** What an executor says that a call used. */
export interface ReportedUse {
  readonly usage?: ExecutorUsage;
  readonly session_id?: string;
  readonly request_ids?: readonly string[];
}

/** What an executor did. Trouble of the executor's own is a value here: the gate judges it. */
export interface ExecutorOutcome {
  readonly exit_code: number | null;
  readonly duration_ms: number;
  /** The caller releases both outputs. */
  readonly stdout: Content;
  readonly stderr: Content;
  /** The text in which the answer is to be found, or null when there is none. */
  readonly answer: string | null;
  /** Why there is no usable answer: exit code, time-out, output cap, pointer that leads nowhere. */
  readonly problem: string | null;
  readonly served_model: string | null;
  /** What it asked of the network, where a sandbox let it reach named hosts. */
  readonly network?: NetworkLog | undefined;
  /** The agent that a preset names; absent for other executors. */
  readonly agent?: ExecutorDescriptor['agent'];
  /** Absent where the answer, good or bad, is what the gate goes on with. */
  readonly failure?: ExecutorFailure;
  readonly used?: ReportedUse;
  /** What it was configured with, and the tools that its agent had and called; absent for executors that say nothing of it. */
  readonly work?: AgentWork;
}

/** One way of doing a gate on behalf of a principal. */
export interface GateExecutor {
  readonly descriptor: ExecutorDescriptor;
  /** Whether it shows what is laid under its checkout; absent means that it does not. */
  readonly laysUnder?: boolean;
  /**
   * Resolves when the executor and everything that it started has ended.
   * @throws PromptOsError EXECUTOR_NOT_FOUND, EXECUTOR_NOT_PERMITTED, EXECUTOR_KEY_MISSING, EXECUTOR_LOST; the signal's reason
   * when it is aborted
   */
  execute(call: ExecutorCall): Promise<ExecutorOutcome>;
}

/** How a principal's gates are done elsewhere: a claimant takes them, and submits what was made of them. */
interface HandOff {
  /** How long a claim holds a gate. */
  readonly claim_timeout_ms: number;
}

/** The executors that this worker was configured with, by principal. */
export interface ExecutorRegistry {
  /** Null for a principal whose gates a worker carries out; absent where no principal's gates are handed off. */
  handOff?(principal: string): HandOff | null;
  /** @throws PromptOsError EXECUTOR_NOT_CONFIGURED */
  forPrincipal(principal: string): GateExecutor;
}

/** Which cache of downloads a check may use. */
export interface CheckCacheUse {
  /** The repository's name. */
  readonly repository: string;
  /** Caches are never shared between policies: another policy may name other commands, registries and variables. */
  readonly policy_sha256: string;
  /** Whether what the check leaves in the cache is kept for later checks: only where it ran committed code alone. */
  readonly keep: boolean;
}

export interface CheckCall {
  readonly name: string;
  readonly argv: readonly string[];
  /** Variables that the policy sets for the check. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Without it the check starts with empty caches. */
  readonly cache?: CheckCacheUse | undefined;
  /** What it may reach of the network, in place of what the runner gives to checks. */
  readonly network?: NetworkAccess | undefined;
  readonly timeout_ms: number;
  readonly directory: string;
  /** What is laid under the checkout: only for a runner that shows it. */
  readonly laidUnder?: LaidUnder | undefined;
  /** The report that counts are taken from, when the policy names one. */
  readonly report?: TestReport | undefined;
  readonly signal: AbortSignal;
  /** Hears what the check prints while it runs. */
  readonly watch?: CommandWatch;
}

export interface CheckOutcome {
  readonly status: 'passed' | 'failed' | 'timed_out' | 'not_started';
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly duration_ms: number;
  /** The caller releases both outputs. */
  readonly stdout: Content;
  readonly stderr: Content;
  readonly reason: string | null;
  /** What the report counts; null when none was named, or none could be read. */
  readonly tests: TestCounts | null;
  /** What it asked of the network, where a sandbox let it reach named hosts. */
  readonly network?: NetworkLog | undefined;
}

/** Runs the named commands of a policy in a checkout, as far as this worker grants them. */
export interface CheckRunner {
  /** What keeps the checks from the rest of the machine; absent means that nothing does. */
  readonly sandbox?: SandboxKind;
  /** Whether it shows what is laid under a checkout; absent means that it does not. */
  readonly laysUnder?: boolean;
  /** @throws PromptOsError CHECK_NOT_GRANTED; the signal's reason when it is aborted */
  run(call: CheckCall): Promise<CheckOutcome>;
}

/** One command of a policy's set-up, in a checkout of its own. */
export interface SetupCall
  extends Pick<CheckCall, 'name' | 'argv' | 'env' | 'timeout_ms' | 'directory' | 'cache' | 'signal' | 'watch'> {
  readonly network: NetworkAccess;
}

/** Runs the set-up commands of policies, as far as this worker grants them. */
export interface SetupRunner {
  /** @throws PromptOsError SETUP_NOT_GRANTED */
  requireGranted(name: string, network: NetworkAccess): void;
  /** What of this machine decides the result of commands: the operating system, the processor, the programs. */
  platform(programs: readonly string[]): Promise<readonly string[]>;
  /** @throws PromptOsError SETUP_NOT_GRANTED; the signal's reason when it is aborted */
  run(call: SetupCall): Promise<CheckOutcome>;
}

/** The outputs of a command. */
export type CommandOutput = 'stdout' | 'stderr';

/** Receives the output of a running command. Nothing is masked but the values of the credentials that it was given. */
export interface CommandWatch {
  /** The command was started; it is stopped after so many milliseconds. */
  started(timeoutMs: number): void;
  printed(output: CommandOutput, chunk: Uint8Array): void;
}

/** What a check did on the base commit is the same for every run with the same values of these. */
export interface BaselineKey {
  readonly repository: string;
  readonly base_commit: string;
  readonly policy_sha256: string;
  /** The check's name. */
  readonly check: string;
}

/** What checks did on base commits, as earlier runs on this worker saw it. */
export interface KeptBaselines {
  /** Null when it is not known; what cannot be read is not known. */
  recall(key: BaselineKey): Promise<BaselineCheck | null>;
  /** What cannot be kept is dropped: the next run sees for itself. */
  keep(key: BaselineKey, check: BaselineCheck): Promise<void>;
}
