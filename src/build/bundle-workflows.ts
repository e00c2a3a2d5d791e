import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode } from '@temporalio/worker';
import { governanceDataConverter } from '../converter/data-converter.js';
import {
  BUNDLE_PATH,
  BUNDLE_VERSION_PATH,
  governanceWorkflowsPath,
  sharedModules,
  workerVersion,
} from '../plugin/workflow-bundle.js';

// Part of `npm run build`: the workflow bundle of our own worker, made by the same SDK version that loads it.
const { code } = await bundleWorkflowCode({
  workflowsPath: governanceWorkflowsPath(),
  payloadConverterPath: governanceDataConverter.payloadConverterPath ?? '',
  preloadModules: [...sharedModules()],
  logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error },
});
await writeFile(BUNDLE_PATH, code);
await writeFile(BUNDLE_VERSION_PATH, workerVersion());
