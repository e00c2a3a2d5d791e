import { readFileSync } from 'node:fs';
import type { ArtifactStore } from '../../../src/ports/artifact-store.js';

/** A process to kill: it works with a store as its arguments say, and reports line by line. */
export async function runStoreChild(store: ArtifactStore, [task, argument]: readonly string[]): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  switch (task) {
    case 'put-for-ever':
      await store.putObject(
        (async function* () {
          for (;;) {
            yield Buffer.alloc(65_536, 'x');
            say('writing');
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        })(),
      );
      return;
    case 'publish': {
      const { run_id, files } = JSON.parse(readFileSync(argument as string, 'utf8'));
      say('publishing');
      await store.publish(run_id, files);
      say('published');
      return;
    }
    case 'measure': {
      const megabytes = Number(argument);
      // What the store loads at its first use is no part of what an object takes.
      await store.putObject(Buffer.from('first'));
      const before = process.resourceUsage().maxRSS;
      const { sha256 } = await store.putObject(
        (async function* () {
          for (let part = 0; part < megabytes; part += 1) yield Buffer.alloc(1_048_576, part % 251);
        })(),
      );
      let bytes = 0;
      for await (const chunk of store.openObject(sha256)) bytes += chunk.byteLength;
      say(JSON.stringify({ bytes, grown_kib: process.resourceUsage().maxRSS - before }));
      return;
    }
    default:
      throw new Error(`unknown task ${task}`);
  }
}
