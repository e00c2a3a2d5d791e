import { PROMPT_IDS } from '../../src/contracts/names.js';
import type { PromptPackBundle } from '../../src/contracts/prompt-pack.js';
import { requirePromptIndex } from '../../src/prompt-pack/load.js';
import {
  formatPromptLock,
  INDEX_PATH,
  LOCK_PATH,
  makePromptLock,
  type PackFiles,
  packDigest,
} from '../../src/prompt-pack/pack-digest.js';

export const samplePath = (id: string): string => `gates/${id}.md`;

const samplePrompt = (id: string): string => `---
prompt_id: "${id}"
name: "Prompt ${id}"
phase: "${id.slice(1)}"
maps_to_gate: "${id}"
version: "1.2.3"
owner: "somebody"
last_updated_utc: "2026-01-31T12:00:00Z"
inputs_required:
  - "request"
outputs_expected:
  - "an answer"
stop_conditions:
  - "it makes no sense"
constitution_alignment:
  - "a human decides"
---

# ${id}

Do the work of ${id}.
`;

export const sampleIndex = () => ({
  schema_version: '1',
  prompt_os_version: 'v1.2.3',
  last_updated_utc: '2026-01-31T12:00:00Z',
  prompts: PROMPT_IDS.map((id) => ({
    prompt_id: id as string,
    name: `Prompt ${id}`,
    version: '1.2.3',
    phase: id as string,
    maps_to_gate: id.slice(1),
    path: samplePath(id),
    owner: 'somebody',
    last_updated_utc: '2026-01-31T12:00:00Z',
  })),
});

export const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A correct pack without a lock; phases are written with "P" in the index and without in the prompts. */
export const unlockedPack = (): Record<string, string> => ({
  [INDEX_PATH]: asJson(sampleIndex()),
  ...Object.fromEntries(PROMPT_IDS.map((id) => [samplePath(id), samplePrompt(id)])),
});

/** The pack with the lock that fits it. */
export const locked = (files: PackFiles): Record<string, string> => ({
  ...files,
  [LOCK_PATH]: formatPromptLock(makePromptLock(files, requirePromptIndex(files))),
});

/** The pack with one file changed by replacing a text that must be there. */
export function edited(files: PackFiles, path: string, from: string | RegExp, to: string): Record<string, string> {
  const before = files[path] ?? '';
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path} does not hold ${from}`);
  return { ...files, [path]: after };
}

export const bundleOf = (files: PackFiles): PromptPackBundle => {
  const index = requirePromptIndex(files);
  return {
    schema_version: 1,
    prompt_os_version: index.prompt_os_version,
    digest: packDigest(files, index),
    files: { ...files },
  };
};
