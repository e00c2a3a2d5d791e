import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../../src/contracts/record/run-record.js';

/** Bytes written at once. */
const CHUNK = 4 * 1_048_576;

/** Fills a file with bytes that no file system can leave out, and tells their digest. */
async function fill(path: string, bytes: number, seed: number): Promise<string> {
  const chunk = Buffer.alloc(CHUNK);
  for (let at = 0; at < CHUNK; at += 4) chunk.writeUInt32LE((at * 2_654_435_761 + seed) >>> 0, at);
  const hash = createHash('sha256');
  const file = createWriteStream(path);
  for (let left = bytes; left > 0; left -= CHUNK) {
    const part = chunk.subarray(0, Math.min(left, CHUNK));
    hash.update(part);
    if (!file.write(part)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
  return hash.digest('hex');
}

/**
 * A published tree with large artifacts in place of some small ones: copies `from` and blows up its files until the tree
 * has some `bytes`. Its record lists them; the attempts do not, so that everything is read and yet the verdict is no.
 * @returns the paths of every file of the tree
 */
export async function makeLargeTree(
  from: string,
  to: string,
  bytes: number,
  files: number,
): Promise<readonly string[]> {
  await cp(from, to, { recursive: true });
  const path = join(to, 'run_record.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as RunRecord;
  const grown = record.artifacts.filter((ref) => /\.txt$/.test(ref.path)).slice(0, files);
  if (grown.length < files) throw new Error(`the tree has only ${grown.length} files that may grow`);
  const each = Math.ceil(bytes / files);
  for (const [index, ref] of grown.entries()) {
    Object.assign(ref, { sha256: await fill(join(to, ref.path), each, index), bytes: each });
  }
  await writeFile(path, `${JSON.stringify(record, null, 2)}\n`);
  return record.artifacts.map((ref) => join(to, ref.path));
}
