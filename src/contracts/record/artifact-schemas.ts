import { z } from 'zod';
import {
  type Baseline,
  baselineSchema,
  GATE_OUTPUT_SCHEMAS,
  type GateOutputs,
  jobOutputSchema,
  type TestResults,
  testResultsSchema,
} from '../answers/gate-outputs.js';
import { type ArtifactSchema, artifactOf, GATE_PATHS } from '../artifacts.js';
import type { GateId } from '../names.js';
import { policySchema } from '../policy/policy.js';
import { promptPackBundleSchema } from '../prompt-pack.js';
import { ledgerEventSchema, ledgerLinkSchema } from '../run/ledger.js';
import { runRequestSchema } from '../run/run-request.js';
import { attemptRecordSchema } from './attempt.js';
import { networkLogSchema } from './network-log.js';
import { patchFilesSchema } from './patch.js';
import { promptSessionSchema } from './prompt-session.js';
import { incompleteTreeSchema, runRecordSchema } from './run-record.js';
import { traceabilitySchema } from './traceability.js';

export const ARTIFACT_SCHEMAS = {
  'run-record': runRecordSchema,
  'prompt-session': promptSessionSchema,
  /** A line: an event with its links in the hash chain. */
  'ledger-event': z.union(ledgerEventSchema.options.map((event) => event.extend(ledgerLinkSchema.shape))),
  'run-request': runRequestSchema,
  policy: policySchema,
  'prompt-pack': promptPackBundleSchema,
  attempt: attemptRecordSchema,
  'incomplete-tree': incompleteTreeSchema,
  baseline: baselineSchema,
  'gate-output-p00': GATE_OUTPUT_SCHEMAS.P00,
  'gate-output-p01': GATE_OUTPUT_SCHEMAS.P01,
  'gate-output-p03': GATE_OUTPUT_SCHEMAS.P03,
  'gate-output-p06': GATE_OUTPUT_SCHEMAS.P06,
  'gate-output-p07': GATE_OUTPUT_SCHEMAS.P07,
  job: jobOutputSchema,
  'patch-files': patchFilesSchema,
  traceability: traceabilitySchema,
  'network-log': networkLogSchema,
  'test-results': testResultsSchema,
} as const satisfies Record<ArtifactSchema, z.ZodType>;

/** The schema of a file of a tree; null for a file without one. */
export function schemaOf(path: string): z.ZodType | null {
  const name = artifactOf(path)?.schema;
  return name === undefined ? null : ARTIFACT_SCHEMAS[name];
}

/** The documents that later gates are given; null for what a run leaves out. */
export interface GivenDocuments {
  readonly baseline: Baseline | null;
  readonly context: GateOutputs['P00'] | null;
  readonly job: GateOutputs['P01'] | null;
  readonly plan: GateOutputs['P03'] | null;
  readonly build: GateOutputs['P05'] | null;
  readonly testResults: TestResults | null;
}

/** @param read the document that an earlier gate made at its public path, or null */
export const readGivenDocuments = async (
  read: <T>(gate: GateId, path: string, schema: z.ZodType<T>) => Promise<T | null>,
): Promise<GivenDocuments> => ({
  baseline: await read('P00', GATE_PATHS.baseline, baselineSchema),
  context: await read('P00', GATE_PATHS.context, GATE_OUTPUT_SCHEMAS.P00),
  job: await read('P01', GATE_PATHS.job, jobOutputSchema),
  plan: await read('P03', GATE_PATHS.planOutput, GATE_OUTPUT_SCHEMAS.P03),
  build: await read('P05', GATE_PATHS.buildOutput, GATE_OUTPUT_SCHEMAS.P05),
  testResults: await read('P06', GATE_PATHS.testResults, testResultsSchema),
});
