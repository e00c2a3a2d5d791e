import { closeSync, constants, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../../../contracts/errors.js';
import { checkoutPath, Refused } from './checkout-path.js';

const MAX_FILE_BYTES = 4 * 1_024 * 1_024;
const MAX_SHOWN = 200;

/** Writes a whole file of the checkout, with the folders that it needs. @returns its bytes */
export function writeText(root: string, written: string, text: string): number {
  const { name, absolute, stats } = checkoutPath(root, written);
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length > MAX_FILE_BYTES) {
    throw new Refused(`The content of "${name}" has ${bytes.length} bytes; expected ${MAX_FILE_BYTES} at most.`);
  }
  if (stats !== null && !stats.isFile()) throw new Refused(`"${name}" is no ordinary file, and is not replaced.`);
  try {
    // A hard link has another name, which may be a file outside.
    if (stats !== null && stats.nlink > 1) rmSync(absolute);
    mkdirSync(dirname(absolute), { recursive: true });
    writeBytes(absolute, bytes, stats?.mode ?? 0o644);
  } catch (error) {
    throw new Refused(`"${name.slice(0, MAX_SHOWN)}" cannot be written: ${whyNot(error)}.`);
  }
  return bytes.length;
}

function writeBytes(absolute: string, bytes: Buffer, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = openSync(absolute, flags, mode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
}

/** What the model can do something about, in words; else as the system says it. */
function whyNot(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of its path is a file';
  if (code === 'ENAMETOOLONG') return 'a part of its path is too long';
  return code ?? messageOf(error);
}

/** Removes a file or link of the checkout. */
export function removeFile(root: string, written: string): void {
  const { name, absolute, stats } = checkoutPath(root, written);
  if (stats === null) throw new Refused(`There is no file "${name}".`);
  if (stats.isDirectory()) throw new Refused(`"${name}" is a folder; only files are removed.`);
  try {
    rmSync(absolute);
  } catch (error) {
    throw new Refused(`"${name}" cannot be removed: ${whyNot(error)}.`);
  }
}

const OPENING = /^<file path="([^"]+)">$/;
const CLOSING = '</file>';
const REMOVED = /^<delete path="([^"]+)" ?\/>$/;

/**
 * Carries out the whole-file blocks of a text: `<file path="…">`, the content and `</file>`, each on lines of their own, and
 * `<delete path="…"/>`.
 * @returns the paths that changed
 */
export function applyFileBlocks(root: string, text: string): readonly string[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const changed: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]?.trim() ?? '';
    const removed = REMOVED.exec(line)?.[1];
    if (removed !== undefined) {
      removeFile(root, removed);
      changed.push(removed);
    }
    const path = OPENING.exec(line)?.[1];
    if (path === undefined) continue;
    const end = lines.findIndex((other, index) => index > at && other.trim() === CLOSING);
    if (end === -1) throw new Refused(`The block of "${path}" is not closed: expected a line ${CLOSING}.`);
    const content = unfenced(lines.slice(at + 1, end));
    writeText(root, path, content.map((one) => `${one}\n`).join(''));
    changed.push(path);
    at = end;
  }
  return changed;
}

/** Some models put a fence around the content, beside the tags. */
function unfenced(lines: readonly string[]): readonly string[] {
  const isFenced = lines.length >= 2 && /^```[\w+-]*$/.test(lines[0] ?? '') && lines.at(-1) === '```';
  return isFenced ? lines.slice(1, -1) : lines;
}
