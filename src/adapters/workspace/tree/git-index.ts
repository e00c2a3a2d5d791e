import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { BytePath } from './tree-survey.js';

/** One tracked file of an index. */
export interface IndexEntry {
  readonly path: BytePath;
  readonly mode: number;
  readonly object: string;
  /** Where the entry begins. */
  readonly offset: number;
}

/** The bytes of a git index, in version 2 of its format (gitformat-index(5)), and what they hold. */
export interface GitIndex {
  readonly bytes: Buffer;
  readonly entries: ReadonlyMap<BytePath, IndexEntry>;
}

export const GITLINK_MODE = 0o160000;
export const LINK_MODE = 0o120000;

const HEADER_BYTES = 12;
/** Ten numbers of four bytes: what lstat(2) says of the file. The mode among them is that of the tree. */
const STAT_BYTES = 40;
const MODE_OFFSET = 24;
const FLAGS_BYTES = 2;

/**
 * @param hashBytes the length of an object's id: 20 for SHA-1, 32 for SHA-256
 * @throws Error when it is no index of version 2
 */
export function readIndex(bytes: Buffer, hashBytes: number): GitIndex {
  const version = bytes.readUInt32BE(4);
  if (bytes.toString('latin1', 0, 4) !== 'DIRC' || version !== 2) throw new Error(`git wrote an index ${version}.`);
  const entries = new Map<BytePath, IndexEntry>();
  let offset = HEADER_BYTES;
  for (let left = bytes.readUInt32BE(8); left > 0; left -= 1) {
    const name = offset + STAT_BYTES + hashBytes + FLAGS_BYTES;
    const end = bytes.indexOf(0, name);
    const object = bytes.toString('hex', offset + STAT_BYTES, offset + STAT_BYTES + hashBytes);
    const path = bytes.toString('latin1', name, end);
    entries.set(path, { path, mode: bytes.readUInt32BE(offset + MODE_OFFSET), object, offset });
    // One to eight zeros end an entry, so that its length is a multiple of eight.
    offset += (end - offset + 8) & ~7;
  }
  return { bytes, entries };
}

/** Entries of one index that another does not have in this form. */
export const missingIn = (one: GitIndex, other: GitIndex): readonly IndexEntry[] =>
  [...one.entries.values()].filter(({ path, mode, object }) => {
    const same = other.entries.get(path);
    return same === undefined || same.mode !== mode || same.object !== object;
  });

/** An index whose entries get the times of files, so that git need not read files that have not changed. */
export class IndexDraft {
  private readonly bytes: Buffer;

  constructor({ bytes }: Pick<GitIndex, 'bytes'>) {
    this.bytes = Buffer.from(bytes);
  }

  /** A draft without the times of any file. */
  static of(index: GitIndex): IndexDraft {
    const draft = new IndexDraft(index);
    for (const entry of index.entries.values()) draft.clear(entry);
    return draft;
  }

  /** Git reads the file, whatever its times are. */
  clear({ offset, mode }: IndexEntry): void {
    this.bytes.fill(0, offset, offset + STAT_BYTES);
    this.bytes.writeUInt32BE(mode, offset + MODE_OFFSET);
  }

  /** Git takes the file as unchanged while lstat(2) says the same of it. */
  fill({ offset, mode }: IndexEntry, stat: BigIntStats): void {
    const seconds = (ns: bigint): number => low(ns / BILLION);
    const fields = [
      ...[seconds(stat.ctimeNs), low(stat.ctimeNs % BILLION), seconds(stat.mtimeNs), low(stat.mtimeNs % BILLION)],
      ...[low(stat.dev), low(stat.ino), mode, low(stat.uid), low(stat.gid), low(stat.size)],
    ];
    for (const [field, value] of fields.entries()) this.bytes.writeUInt32BE(value, offset + 4 * field);
  }

  /** Takes the times that another draft has for the same file. */
  copy({ offset }: IndexEntry, from: IndexDraft, entry: IndexEntry): void {
    from.bytes.copy(this.bytes, offset, entry.offset, entry.offset + STAT_BYTES);
  }

  clone(): IndexDraft {
    return new IndexDraft({ bytes: this.bytes });
  }

  /** The bytes as git reads them: the last of them are a hash of all others. */
  sealed(hashBytes: number): Buffer {
    const content = this.bytes.subarray(0, this.bytes.length - hashBytes);
    const hash = createHash(hashBytes === 20 ? 'sha1' : 'sha256')
      .update(content)
      .digest();
    return Buffer.concat([content, hash]);
  }
}

const BILLION = 1_000_000_000n;

/** The lower 32 bits, which are all that an index has room for. */
const low = (value: bigint): number => Number(BigInt.asUintN(32, value));
