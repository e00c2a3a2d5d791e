import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TREE_PATHS } from '../../src/domain/record/published-tree.js';
import { openDocuments } from '../../src/verify/open-documents.js';
import { MutableTree } from '../support/mutable-tree.js';

const genuine = (): MutableTree =>
  MutableTree.read(fileURLToPath(new URL('../vectors/trees/unopened', import.meta.url)));
const documentsOf = (tree: MutableTree) => openDocuments(tree.reader(), { policies: [] });

test('documents: a tree without its policy or its pack has none, whatever other trees have', async () => {
  expect(await documentsOf(genuine()).policy()).not.toBeNull();
  expect(await documentsOf(genuine()).packBundle()).not.toBeNull();
  const lacking = genuine().remove(TREE_PATHS.policyYaml).remove(TREE_PATHS.pack);
  expect(await documentsOf(lacking).policy()).toBeNull();
  expect(await documentsOf(lacking).packBundle()).toBeNull();
});
