import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';

/** The converter that Worker and Client must share: undecodable payloads become refusals instead of wedging a run. */
export const governanceDataConverter: DataConverter = {
  payloadConverterPath: fileURLToPath(new URL('./payload-converter.cjs', import.meta.url)),
};
