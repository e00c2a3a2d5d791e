import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createBareWorker } from '../bare/drive-bare-run.js';

// A process of its own, so that its memory and processor time are those of bare runs alone. It ends at SIGTERM.
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address: process.argv[2] ?? 'localhost:7233' });
const worker = await createBareWorker(connection);
console.log('ready');
await worker.run();
await connection.close();
