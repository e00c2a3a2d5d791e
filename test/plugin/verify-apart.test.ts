import { expect, test } from 'vitest';
import { sha256Hex } from '../../src/contracts/digest.js';
import { PromptOsError } from '../../src/contracts/errors.js';
import { SHORT_BYTES } from '../../src/contracts/long-bytes.js';
import { verifyApart } from '../../src/plugin/finaliser.js';
import type { UnsealedTree } from '../../src/ports/tree-reader.js';
import { verifyUnsealed } from '../../src/verify/object-tree.js';

/** A tree with a long patch that no run led to. */
function strayTree(patch: Uint8Array): UnsealedTree {
  const files = new Map<string, Uint8Array>([
    ['patch/change.patch', patch],
    ['run_record.json', Buffer.from('{}\n')],
  ]);
  const byDigest = new Map([...files.values()].map((bytes) => [sha256Hex(bytes), bytes]));
  const objectOf = (sha256: string): Uint8Array => {
    const bytes = byDigest.get(sha256);
    if (bytes === undefined) throw new Error(`no object ${sha256}`);
    return bytes;
  };
  return {
    runId: 'run-1',
    files: [...files].map(([path, bytes]) => ({
      path,
      sha256: sha256Hex(bytes),
      bytes: bytes.length,
      media_type: 'text/plain',
    })),
    objects: {
      readObject: async (sha256) => objectOf(sha256),
      openObject: async function* (sha256) {
        yield objectOf(sha256);
      },
    },
  };
}

test('verifyApart: says of a tree with a long patch what verifyUnsealed says', async () => {
  const patch = Buffer.alloc(2 * SHORT_BYTES, 'no patch\n');
  const problems = await verifyApart(strayTree(patch));
  expect(problems.length).toBeGreaterThan(0);
  expect(problems).toEqual(await verifyUnsealed(strayTree(patch)));
});

test('verifyApart: an object that the store cannot read is the error, with its code', async () => {
  const tree = strayTree(Buffer.alloc(2 * SHORT_BYTES));
  const lost = new PromptOsError('STORE_NOT_READABLE', 'The disk is gone.');
  const objects = {
    ...tree.objects,
    readObject: async () => {
      throw lost;
    },
  };
  await expect(verifyApart({ ...tree, objects })).rejects.toBe(lost);
});
