export { TREE_LIMITS } from './limits.js';
export { createObjectTree, verifyUnsealed } from './object-tree.js';
export { readRunRecord } from './read-run-record.js';
export type { TrustedPolicy, VerifyTrust } from './trust.js';
export { type PromptOsPolicy, parsePromptOsPolicy } from './trust.js';
export { VERIFY_CODES, type VerifyCode, VerifyFailure } from './verify-codes.js';
export { CHECKS, type CheckName, type CheckOutcome, judgeTree, type TreeVerdict, verifyTree } from './verify-tree.js';
