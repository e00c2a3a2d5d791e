/*
 * How much of a tree is read. An attacker may have made it, so each limit is far above what a run makes and low
 * enough that a verifier keeps its memory (200 MiB above what it starts with) and its time. `docs/verify.md` lists them.
 */

const MIB = 1_048_576;

/** Entries of a tree, and folders below folders. */
export const TREE_LIMITS = { entries: 20_000, depth: 32 } as const;
/** Bytes of all files together: about 20 seconds of hashing. */
export const MAX_TREE_BYTES = 16_384 * MIB;
/** Bytes of a file that is read whole, such as a patch. Logs are only hashed, as streams. */
export const MAX_FILE_BYTES = 64 * MIB;
/** Bytes of a JSON document. */
export const MAX_JSON_BYTES = 16 * MIB;
/** Bytes of a policy: YAML takes many times the time and memory of JSON. */
export const MAX_POLICY_BYTES = MIB;
/** Arrays and objects inside each other. */
export const MAX_JSON_DEPTH = 64;
/** Members and items of a JSON document together: `[0,0,…]` takes many times its bytes once it is parsed. */
export const MAX_JSON_VALUES = 200_000;
/** Bytes and entries of a ledger, and bytes of one entry. */
export const MAX_LEDGER_BYTES = 16 * MIB;
export const MAX_LEDGER_ENTRIES = 20_000;
export const MAX_LEDGER_LINE_BYTES = MIB;
