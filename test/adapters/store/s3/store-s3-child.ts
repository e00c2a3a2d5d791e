import { createS3Store } from '../../../../src/adapters/store/s3/s3-store.js';
import { runStoreChild } from '../artifact-store-child.js';

const [config, ...task] = process.argv.slice(2);
await runStoreChild(createS3Store(JSON.parse(config as string)), task);
