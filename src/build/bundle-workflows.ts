import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { governanceDataConverter } from '../converter/data-converter.js';
import { governanceWorkflowsPath } from '../merge-workflows.js';

// Part of `npm run build`: the workflow bundle of our own worker, made by the same SDK version that loads it.
const { code } = await bundleWorkflowCode({
  workflowsPath: governanceWorkflowsPath(),
  payloadConverterPath: governanceDataConverter.payloadConverterPath ?? '',
  logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error },
});
await writeFile(fileURLToPath(new URL('../workflow-bundle.js', import.meta.url)), code);
