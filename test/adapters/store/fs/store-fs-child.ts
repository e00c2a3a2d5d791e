import { createFileSystemStore } from '../../../../src/adapters/store/fs/file-system-store.js';
import { runStoreChild } from '../artifact-store-child.js';

const [directory, ...task] = process.argv.slice(2);
await runStoreChild(createFileSystemStore(directory as string), task);
