import type { RunRecord } from '../contracts/run-record.js';
import type { TreeReader } from '../ports/tree-reader.js';
import { checkTree } from './checks/tree.js';
import { openDocuments } from './open-documents.js';
import { VerifyFailure } from './verify-codes.js';

/**
 * The record of a tree that is not known yet, such as a bundle: read within the verifier's limits, and not judged.
 * @returns why the tree has none
 */
export async function readRunRecord(reader: TreeReader): Promise<RunRecord | VerifyFailure> {
  const documents = openDocuments(reader, { policies: [] });
  try {
    await checkTree(documents);
    return await documents.record();
  } catch (error) {
    if (error instanceof VerifyFailure) return error;
    throw error;
  }
}
