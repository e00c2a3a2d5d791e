import { withLock } from '../../../src/adapters/platform/lock.js';

// Takes the lock of the folder given, says so, and keeps it until it is killed.
await withLock(process.argv[2] ?? '', {}, async () => {
  process.stdout.write('held\n');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
