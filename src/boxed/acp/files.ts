import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ClientApp, methods, RequestError } from '@agentclientprotocol/sdk';
import type { PermissionRule, ToolKind } from '../../contracts/config/acp-executor.js';
import { messageOf } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import type { OwnFolders } from './own-folders.js';
import { isAllowed } from './permissions.js';
import type { Transcript } from './transcript.js';

const MAX_FILE_BYTES = 32 * 1_024 ** 2;

export interface ServedFiles {
  readonly permissions: PermissionRule;
  readonly folders: OwnFolders;
  readonly transcript: Transcript;
}

/** Serves the client's file system: text files of the agent's own folders, as far as the rule allows. */
export function serveFiles(app: ClientApp, { permissions, folders, transcript }: ServedFiles): void {
  app.onRequest(methods.client.fs.readTextFile, ({ params: { path, line, limit } }) =>
    recorded(transcript, 'read_file', path, async () => {
      refuseUnless(permissions, 'read');
      const file = await folders.locate(path);
      const { size } = await regularFile(file);
      if (size > MAX_FILE_BYTES) throw new Error(`it has ${counted(size, 'byte')}; expected ${MAX_FILE_BYTES} at most`);
      return { content: linesOf(await readFile(file, 'utf8'), line, limit) };
    }),
  );
  app.onRequest(methods.client.fs.writeTextFile, ({ params: { path, content } }) =>
    recorded(transcript, 'write_file', path, async () => {
      refuseUnless(permissions, 'edit');
      const file = await folders.locate(path);
      if (await stat(file).catch(() => null)) await regularFile(file);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return {};
    }),
  );
}

/** An agent may ask for what it was not offered. */
export function refuseUnless(rule: PermissionRule, kind: ToolKind): void {
  if (isAllowed(rule, kind)) return;
  throw RequestError.invalidRequest(undefined, `the worker config allows no tool calls of the kind "${kind}"`);
}

async function recorded<T>(transcript: Transcript, type: string, path: string, serve: () => Promise<T>): Promise<T> {
  try {
    const served = await serve();
    transcript.event({ type, path, problem: null });
    return served;
  } catch (error) {
    transcript.event({ type, path, problem: messageOf(error) });
    throw error instanceof RequestError ? error : failedRead(path, error);
  }
}

const failedRead = (path: string, error: unknown): RequestError =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
    ? RequestError.resourceNotFound(path)
    : RequestError.internalError(undefined, messageOf(error));

/** A pipe would never end, and a device is no file of the work. */
async function regularFile(path: string): Promise<{ readonly size: number }> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(`${path} is no regular file`);
  return found;
}

/** @param line the first line, counted from 1 */
function linesOf(text: string, line: number | null | undefined, limit: number | null | undefined): string {
  if (line == null && limit == null) return text;
  const from = Math.max(0, (line ?? 1) - 1);
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines.slice(from, limit == null ? undefined : from + limit).join('');
}
