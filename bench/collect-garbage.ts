import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

// Loaded into every thread of a worker that is measured: at SIGWINCH, which means nothing to a worker, each collects
// what is no longer referenced. Without it a process's memory shows how long ago the engine last collected it.
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const channel = new BroadcastChannel('promptos-bench-collect');
channel.onmessage = collect;
// A channel that listens would keep the process alive.
(channel as unknown as { unref(): void }).unref();
if (isMainThread) {
  process.on('SIGWINCH', () => {
    collect();
    channel.postMessage(null);
  });
}
