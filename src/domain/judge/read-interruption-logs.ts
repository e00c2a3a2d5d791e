import { interruptionLog, MAX_INTERRUPTION_LOGS } from '../../contracts/artifacts.js';
import { isRecord } from '../../contracts/json.js';
import { SHA256_PATTERN } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';

/**
 * What a worker kept of an attempt that failed, out of its failure, each at a path of its own; nothing for any other shape, since
 * the failure counts without it. Read by hand: workflows load no zod.
 */
export function readInterruptionLogs(value: unknown): readonly ArtifactRef[] {
  if (!Array.isArray(value) || value.length > MAX_INTERRUPTION_LOGS) return [];
  const logs = value.flatMap((one) => readLog(one) ?? []);
  const isWhole = logs.length === value.length && new Set(logs.map(({ path }) => path)).size === logs.length;
  return isWhole ? logs : [];
}

function readLog(value: unknown): ArtifactRef | null {
  if (!isRecord(value)) return null;
  const { path, sha256, bytes, media_type, ...more } = value;
  if (Object.keys(more).length > 0 || typeof path !== 'string' || typeof sha256 !== 'string') return null;
  if (!SHA256_PATTERN.test(sha256) || !Number.isSafeInteger(bytes) || Number(bytes) < 0) return null;
  const row = interruptionLog(path);
  if (row === null || row.media_type !== media_type) return null;
  return { path, sha256, bytes: Number(bytes), media_type: row.media_type };
}
