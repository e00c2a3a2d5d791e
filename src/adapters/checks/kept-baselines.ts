import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { baselineCheckSchema } from '../../contracts/answers/gate-outputs.js';
import { parseJsonAs } from '../../contracts/json.js';
import type { BaselineKey, KeptBaselines } from '../../ports/gate-executor.js';
import { replaceFile } from '../platform/durable-files.js';
import { ensureOwnFolder } from '../platform/own-folder.js';

/** Results that are kept; the oldest go first. */
const MAX_KEPT = 500;

const nameOf = ({ repository, base_commit, policy_sha256, check }: BaselineKey): string => {
  const text = [repository, base_commit, policy_sha256, check].join('\n');
  return `${createHash('sha256').update(text).digest('hex')}.json`;
};

/** Keeps what checks did on base commits as files of a folder. @param root absolute; made when it is first used */
export function createKeptBaselines(root: string): KeptBaselines {
  const prune = async (): Promise<void> => {
    const names = (await readdir(root)).filter((name) => name.endsWith('.json'));
    if (names.length <= MAX_KEPT) return;
    const aged = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(root, name))).mtimeMs })));
    for (const { name } of aged.sort((a, b) => b.at - a.at).slice(MAX_KEPT)) await rm(join(root, name));
  };
  const write = async (name: string, text: string): Promise<void> => {
    ensureOwnFolder(root);
    await replaceFile({ path: join(root, name), text });
    await prune();
  };
  return {
    recall: async (key) => {
      try {
        ensureOwnFolder(root);
        return parseJsonAs(baselineCheckSchema, await readFile(join(root, nameOf(key))));
      } catch {
        return null;
      }
    },
    keep: (key, check) => write(nameOf(key), JSON.stringify(check)).catch(() => undefined),
  };
}
