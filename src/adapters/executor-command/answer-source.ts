import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { counted } from '../../contracts/sentences.js';
import type { AnswerLocation } from '../../contracts/worker-config.js';

export type AnswerSource =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** The text in which the answer is looked for: standard output, or a file of the executor's scratch folder. */
export async function readAnswerSource(
  location: AnswerLocation,
  stdout: Uint8Array,
  scratchFiles: string,
  maxBytes: number,
): Promise<AnswerSource> {
  if (location.from === 'stdout') return { ok: true, text: new TextDecoder().decode(stdout) };
  const name = location.file ?? '';
  const path = resolve(scratchFiles, name);
  if (name === '' || relative(scratchFiles, path).split(sep)[0] === '..') {
    return { ok: false, problem: `The answer's file "${name}" is not inside the scratch folder.` };
  }
  return readBounded(path, name, maxBytes);
}

async function readBounded(path: string, name: string, maxBytes: number): Promise<AnswerSource> {
  // An executor may have left a link to somewhere else, or a pipe that never ends.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return { ok: false, problem: `The executor left no file "${name}" in its scratch folder.` };
  try {
    const { size, isFile } = await file.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    if (!isFile) return { ok: false, problem: `What the executor left as "${name}" is not a file.` };
    if (size > maxBytes) {
      return {
        ok: false,
        problem: `The answer's file "${name}" has ${counted(size, 'byte')}; expected ${maxBytes} at most.`,
      };
    }
    return { ok: true, text: new TextDecoder().decode(await file.readFile()) };
  } finally {
    await file.close();
  }
}
