import { z } from 'zod';
import { sha256Schema } from '../../../contracts/primitives.js';
import { readPart } from '../read/file-part.js';
import { filesOfRun, requireFile } from './run-artifacts.js';
import { runArgument } from './run-facts.js';
import { defineTool, type McpTool, READS } from './tool.js';

/** Bytes that one call gives unless it asks for less or more, and the most that it gives: a model reads all of it. */
const [USUAL_BYTES, MOST_BYTES] = [16_384, 65_536];

const fileFields = {
  path: z.string().describe('its place in the published tree of the run'),
  media_type: z.string(),
  sha256: sha256Schema,
};

const listArtifacts = defineTool({
  name: 'list_artifacts',
  title: 'List the artifacts of a run',
  description:
    'Lists the files of a run: request, policy, plan, patch, test results, review, findings, signed statements. What no longer counts is below evidence/attempts/. Prompts and printed output of other executors are not among them.',
  annotations: READS,
  input: z.strictObject({ run: runArgument }),
  output: z.object({
    run_id: z.string(),
    artifacts: z.array(
      z.object({
        ...fileFields,
        bytes: z.int().nonnegative().nullable().describe('null where the run has not ended and the size is not known'),
      }),
    ),
  }),
  run: async (session, { run }) => {
    const { run_id, files } = await filesOfRun(session, run);
    const artifacts = files.map(({ path, media_type, sha256, bytes }) => ({ path, media_type, sha256, bytes }));
    return { run_id, artifacts };
  },
});

const readArtifact = defineTool({
  name: 'read_artifact',
  title: 'Read an artifact of a run',
  description:
    'Reads one file that list_artifacts names, from the store, checked against its digest. Text comes as text, anything else as base64. A long file comes in parts: go on at next_offset.',
  annotations: READS,
  input: z.strictObject({
    run: runArgument,
    path: z.string().min(1).max(1_000).describe('a path of list_artifacts'),
    offset: z.int().nonnegative().default(0).describe('the first byte wanted'),
    max_bytes: z.int().min(1).max(MOST_BYTES).default(USUAL_BYTES).describe('the most bytes wanted'),
  }),
  output: z.object({
    run_id: z.string(),
    ...fileFields,
    bytes: z.int().nonnegative().describe('of the whole file'),
    offset: z.int().nonnegative(),
    next_offset: z.int().positive().nullable().describe('where the next part begins; null at the end of the file'),
    encoding: z.enum(['utf8', 'base64']),
    content: z.string(),
  }),
  run: async (session, { run, path, offset, max_bytes }) => {
    const found = await filesOfRun(session, run);
    const { media_type, sha256 } = requireFile(found, path);
    const { bytes, total } = await readPart(found.store, sha256, offset, max_bytes);
    const { encoding, content, length } = decoded(bytes, offset + bytes.byteLength < total);
    const end = offset + length;
    const next_offset = end < total ? end : null;
    return { run_id: found.run_id, path, media_type, sha256, bytes: total, offset, next_offset, encoding, content };
  },
});

/** Bytes of a UTF-8 character at the most. */
const CHARACTER_BYTES = 4;

/** Bytes as text, without the beginning of a character that goes on behind them; as base64 when they are no text. */
function decoded(bytes: Uint8Array, goesOn: boolean) {
  for (let cut = 0; cut < CHARACTER_BYTES; cut += 1) {
    const length = bytes.byteLength - cut;
    const content = textOf(bytes.subarray(0, length));
    if (content !== null) return { encoding: 'utf8' as const, content, length };
    if (!goesOn || length <= 1) break;
  }
  return { encoding: 'base64' as const, content: Buffer.from(bytes).toString('base64'), length: bytes.byteLength };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

export const ARTIFACT_TOOLS: readonly McpTool[] = [listArtifacts, readArtifact];
