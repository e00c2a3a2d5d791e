import { sha256Hex } from '../../contracts/digest.js';
import type { Patch } from '../../contracts/record/patch.js';
import { findSecretPatterns } from '../secrets/find-secrets.js';
import { maskSecrets } from '../secrets/mask-secrets.js';
import type { JudgedPatch } from './patch-rule.js';

/** What a masked patch really was: its owner can show by its digest that it is the one that was refused. */
export interface MaskedPatch {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * `patch/files.json`: what the patch holds, as git computed it.
 * @param masked for a refused patch that is published with its secrets masked
 */
export function describePatch(
  { files, bytes }: Pick<Patch, 'files'> & { readonly bytes: number },
  masked?: MaskedPatch,
) {
  const sum = (counted: 'added' | 'deleted') => files.reduce((total, file) => total + file[counted], 0);
  return {
    schema_version: 1 as const,
    stats: { files: files.length, added: sum('added'), deleted: sum('deleted'), bytes },
    files,
    ...(masked === undefined ? {} : { masked }),
  };
}

const BINARY = /^GIT binary patch\n(?:(?:literal|delta) \d{1,12}\n(?:[^\n]{1,100}\n)*\n?)*/gm;

/** The added lines at which a scanner found something, as they are; where in them it does not say. */
function scannedLines({ patch, secret_hits }: Pick<JudgedPatch, 'patch' | 'secret_hits'>): ReadonlySet<string> {
  const places = new Set(secret_hits.map(({ path, line }) => `${line} ${path}`));
  const texts = patch.added_lines.flatMap(({ path, line, text }) => (places.has(`${line} ${path}`) ? [text] : []));
  return new Set(texts.filter((text) => text.trim() !== ''));
}

/**
 * The bytes of a refused patch without what is or may be a credential in it: what our own table finds, and the whole line
 * of what only a scanner finds, wherever the patch has that line. Whatever a binary file holds is removed where one of
 * them holds a secret: its bytes are encoded, so that nothing in them can be masked.
 */
export function maskPatch(judged: { readonly patch: Patch; readonly secret_hits: JudgedPatch['secret_hits'] }) {
  const { bytes, binary_texts = [] } = judged.patch;
  const hidden = binary_texts.some(({ text }) =>
    findSecretPatterns(text).some(({ confidence }) => confidence === 'known'),
  );
  const text = new TextDecoder().decode(bytes);
  const open = hidden ? text.replace(BINARY, '[masked: the content of a binary file]\n') : text;
  const scanned = scannedLines(judged);
  // Masking keeps the lines, so that those of before and after belong together.
  const before = open.split('\n');
  const masked = maskSecrets(open, 'all')
    .split('\n')
    .map((line, index) => {
      const said = (before[index] ?? '').slice(1);
      return scanned.has(said) ? `${line.slice(0, 1)}[masked: scanner, sha256 ${digestOf(said)}]` : line;
    });
  return new TextEncoder().encode(masked.join('\n'));
}

const digestOf = (line: string): string => sha256Hex(line.toWellFormed()).slice(0, 8);
