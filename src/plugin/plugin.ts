import { readFileSync } from 'node:fs';
import type { DataConverter } from '@temporalio/common';
import { SimplePlugin } from '@temporalio/plugin';
import type { BundleOptions, ReplayWorkerOptions, WorkerOptions, WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import { PromptOsError } from '../contracts/errors.js';
import { EXECUTOR_ROLES, type ExecutorRole, roleTaskQueue, WORKFLOW_TYPE } from '../contracts/names.js';
import type { GovernanceActivities } from '../contracts/run/activities.js';
import { governanceDataConverter } from '../converter/data-converter.js';
import type { GovernancePorts } from '../ports/index.js';
import { useNativeCrypto } from '../verify/native-crypto.js';
import { verifyApart } from './finaliser.js';
import {
  governanceWorkflowsPath,
  isMergedEntry,
  MERGED_ENTRY_RULE,
  mergeWorkflows,
  sharedModules,
  temporalModulesFolder,
} from './workflow-bundle.js';

export interface GovernedRunPluginOptions {
  /** What the activities reach the world through. Not needed on a Client. */
  readonly ports?: GovernancePorts;
  /**
   * `all`: this Worker runs the workflow and carries out every role on its own queue (the default);
   * `engine`: it runs the workflow and finalises, and the roles' queues `<queue>.writer` … are polled by others;
   * `role`: it only carries out gates, on whatever role queue it polls, and loads no workflow.
   */
  readonly serve?: 'all' | 'engine' | 'role';
}

/** A killed worker is noticed by missing heartbeats, so they must not be held back. */
const HEARTBEAT_THROTTLE = '2 seconds';
/** How long the server keeps a workflow task for the worker that had it last, before any other may take it. */
const STICKY_TIMEOUT = '5 seconds';
/**
 * The SDK stops workflow code after 5 seconds. Ten thousand signals that piled up while no worker was there take some 3
 * of a processor to judge, so on a busy machine the task would be stopped and tried again for ever.
 */
const TASK_LIMIT = { isolateExecutionTimeout: '20 seconds' };

/**
 * Adds governed runs to a Worker that has its own workflows and activities, and to a Client.
 * Pass it once: to the Worker or to its connection, not to both.
 * @throws PromptOsError WORKFLOW_MISSING when a prebuilt bundle lacks the workflow
 */
export class GovernedRunPlugin extends SimplePlugin {
  readonly #serve: NonNullable<GovernedRunPluginOptions['serve']>;
  readonly #activities: GovernanceActivities | undefined;

  constructor({ ports, serve = 'all' }: GovernedRunPluginOptions = {}) {
    if (ports !== undefined) useNativeCrypto();
    const activities =
      ports === undefined
        ? undefined
        : createActivities(ports, { taskQueues: queuesFor(serve), verifyTree: verifyApart });
    super({
      name: 'promptos.GovernedRunPlugin',
      dataConverter: withGovernanceConverter,
      ...(activities === undefined
        ? {}
        : { activities: serve === 'role' ? { promptos_executeGate: activities.promptos_executeGate } : activities }),
    });
    this.#serve = serve;
    this.#activities = activities;
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    if (this.#activities === undefined) {
      throw new PromptOsError('WORKFLOW_MISSING', 'A GovernedRunPlugin without ports was given to a Worker.', {
        hint: 'Give it ports: new GovernedRunPlugin({ ports }). Without them it is for a Client.',
      });
    }
    const configured = super.configureWorker(options);
    const timing = { maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE, ...configured } as WorkerOptions;
    if (this.#serve === 'role') return timing;
    if (options.workflowBundle !== undefined) requireWorkflow(options.workflowBundle);
    return {
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      ...TASK_LIMIT,
      ...timing,
      ...withWorkflows(options),
    };
  }

  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    return { ...super.configureReplayWorker(options), ...withWorkflows(options) };
  }

  override configureBundler(options: BundleOptions): BundleOptions {
    const { workflowsPath, webpackConfigHook } = options;
    const converted = { ...options, ...converterOf(options) };
    if (this.#serve === 'role') return converted;
    // What is named twice, since hooks may run twice, is loaded once.
    const shared = { ...converted, preloadModules: [...(options.preloadModules ?? []), ...sharedModules()] };
    if (workflowsPath === governanceWorkflowsPath() || isMergedEntry(workflowsPath)) return shared;
    const modules = temporalModulesFolder(workflowsPath);
    return {
      ...shared,
      workflowsPath: mergeWorkflows(workflowsPath),
      webpackConfigHook: (config) => {
        const hooked = webpackConfigHook?.(config) ?? config;
        const searched = hooked.resolve?.modules ?? ['node_modules'];
        return {
          ...hooked,
          resolve: { ...hooked.resolve, modules: [...searched, modules] },
          module: { ...hooked.module, rules: [...(hooked.module?.rules ?? []), MERGED_ENTRY_RULE] },
        };
      },
    };
  }
}

/** A Worker without workflows of its own gets ours; one that has some is given both by `configureBundler`. */
function withWorkflows(options: Pick<WorkerOptions, 'workflowsPath' | 'workflowBundle'>): { workflowsPath?: string } {
  if (options.workflowBundle !== undefined || options.workflowsPath !== undefined) return {};
  return { workflowsPath: governanceWorkflowsPath() };
}

const converterOf = (options: BundleOptions): Pick<BundleOptions, 'payloadConverterPath'> => {
  const path = options.payloadConverterPath ?? governanceDataConverter.payloadConverterPath;
  return path === undefined ? {} : { payloadConverterPath: path };
};

/** A converter of the team's own stays: then undecodable signals are the team's to survive. */
const withGovernanceConverter = (existing: DataConverter | undefined): DataConverter =>
  existing?.payloadConverterPath === undefined ? { ...existing, ...governanceDataConverter } : existing;

const queuesFor =
  (serve: GovernedRunPluginOptions['serve']) =>
  (engineQueue: string): Record<ExecutorRole, string> =>
    Object.fromEntries(
      EXECUTOR_ROLES.map((role) => [role, serve === 'all' ? engineQueue : roleTaskQueue(engineQueue, role)]),
    ) as Record<ExecutorRole, string>;

function requireWorkflow(bundle: WorkflowBundleOption): void {
  const code = 'code' in bundle ? bundle.code : readFileSync(bundle.codePath, 'utf8');
  if (code.includes(WORKFLOW_TYPE)) return;
  throw new PromptOsError('WORKFLOW_MISSING', `The workflow bundle of this Worker has no workflow "${WORKFLOW_TYPE}".`);
}
