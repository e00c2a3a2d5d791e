import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactRef } from '../../../src/contracts/primitives.js';
import type { PrunableStore } from '../../../src/ports/artifact-store.js';

/** One store of its own, and the ways to reach behind its back. */
export interface StoreUnderTest {
  readonly store: PrunableStore;
  /** The same store as another process sees it. */
  reopen(): PrunableStore;
  /** Replaces the bytes of a stored object. */
  damageObject(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Names of what is being written, or was left half-written. */
  unfinished(): Promise<readonly string[]>;
  /** What a put that was killed while it read its source leaves for the next writer to clear. */
  readonly leftByKilledPut: number;
  /** A TypeScript program that opens this store and calls `runStoreChild`, and its first arguments. */
  readonly child: { readonly entry: string; readonly arguments: readonly string[] };
  remove(): Promise<void>;
}

const text = (content: string): Uint8Array => Buffer.from(content);
const digest = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inChunks(...chunks: readonly string[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield text(chunk);
}

/** Puts each content and gives the tree that has it at that path. */
async function putTree(store: PrunableStore, contents: Readonly<Record<string, string>>): Promise<ArtifactRef[]> {
  const files: ArtifactRef[] = [];
  for (const [path, content] of Object.entries(contents)) {
    files.push({ path, ...(await store.putObject(text(content))), media_type: 'text/plain' });
  }
  return files;
}

/** What every implementation of the port must do. */
export function describeArtifactStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest;
    let store: PrunableStore;
    let scratch: string;
    let program: string;
    const children: ChildProcess[] = [];

    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'promptos-store-child-'));
      const probe = await makeStore();
      const bundle = await rolldown({ input: probe.child.entry, platform: 'node' });
      program = join(scratch, 'child.mjs');
      await bundle.write({ file: program, format: 'esm', codeSplitting: false });
      await bundle.close();
      await probe.remove();
    });
    afterAll(() => rm(scratch, { recursive: true, force: true }));
    beforeEach(async () => {
      under = await makeStore();
      store = under.store;
    });
    afterEach(async () => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
      await under.remove();
    });

    const start = (...task: readonly string[]): { child: ChildProcess; lines: AsyncIterator<string> } => {
      const child = spawn(process.execPath, [program, ...under.child.arguments, ...task], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      return {
        child,
        lines: createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator](),
      };
    };
    const kill = async (child: ChildProcess): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    };

    test('removePublished: the run stays without the files, which a second removal and others add to', async () => {
      const files = await putTree(store, { 'a.txt': 'a', 'b/c.txt': 'c', 'b/d.txt': 'd' });
      await store.publish('run-1', files);
      await store.removePublished('run-1', ['b/c.txt']);
      await store.removePublished('run-1', ['b/c.txt']);
      await store.removePublished('run-1', ['a.txt']);
      expect((await under.reopen().published('run-1'))?.map(({ path }) => path)).toEqual(['b/d.txt']);
      await expect(readAll(store.openPublished('run-1', 'b/c.txt'))).rejects.toMatchObject({
        code: 'OBJECT_NOT_FOUND',
      });
      expect((await readAll(store.openPublished('run-1', 'b/d.txt'))).toString()).toBe('d');
      expect(await store.hasObject(digest(text('c')))).toBe(true);
      expect((await store.list()).map(({ run_id }) => run_id)).toEqual(['run-1']);
    });

    test('removePublished: a run that is not published, and a path that leads out, are refused', async () => {
      await store.putObject(text('x'));
      await expect(store.removePublished('run-9', ['a'])).rejects.toMatchObject({ code: 'RUN_NOT_PUBLISHED' });
      await store.publish('run-1', await putTree(store, { 'a.txt': 'a' }));
      await expect(store.removePublished('run-1', ['../a.txt'])).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
    });

    test('removeObject: one that was put since is left, an older one goes and can be put again', async () => {
      const { sha256 } = await store.putObject(text('kept'));
      const later = new Date(Date.now() + 86_400_000);
      expect(await store.removeObject(sha256, new Date(Date.now() - 86_400_000))).toBe(false);
      expect(await store.hasObject(sha256)).toBe(true);
      expect(await store.removeObject(sha256, later)).toBe(true);
      expect(await store.removeObject(sha256, later)).toBe(true);
      expect(await store.hasObject(sha256)).toBe(false);
      await store.putObject(text('kept'));
      expect((await store.readObject(sha256)).toString()).toBe('kept');
      expect(await under.unfinished()).toEqual([]);
    });

    test('putObject: gives the digest and size, and the bytes come back, empty ones too', async () => {
      for (const content of ['', 'hello\n', 'zwölf\u0000€']) {
        const stored = await store.putObject(text(content));
        expect(stored).toEqual({ sha256: digest(text(content)), bytes: text(content).byteLength });
        expect(Buffer.from(await store.readObject(stored.sha256)).toString()).toBe(content);
        expect(await store.hasObject(stored.sha256)).toBe(true);
      }
    });

    test('putObject: a stream gives the object that its bytes give', async () => {
      const stored = await store.putObject(inChunks('one ', '', 'two'));
      expect(stored.sha256).toBe(digest(text('one two')));
      expect((await readAll(under.reopen().openObject(stored.sha256))).toString()).toBe('one two');
    });

    test('putObject: the same bytes again, and twenty times at once, are one object', async () => {
      const content = text('the same');
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? store : under.reopen()).putObject(index % 3 === 0 ? inChunks('the ', 'same') : content),
        ),
      );
      expect(new Set(all.map(({ sha256 }) => sha256))).toEqual(new Set([digest(content)]));
      expect(await store.readObject(digest(content))).toEqual(Buffer.from(content));
      expect(await under.unfinished()).toEqual([]);
    });

    test('putObject: a source that fails comes through unchanged and leaves nothing', async () => {
      const trouble = Object.assign(new Error('the source broke'), { code: 'EACCES', syscall: 'read' });
      const source = (async function* () {
        yield text('half');
        throw trouble;
      })();
      await expect(store.putObject(source)).rejects.toBe(trouble);
      expect(await store.hasObject(digest(text('half')))).toBe(false);
      expect(await under.unfinished()).toEqual([]);
    });

    test('readObject: OBJECT_NOT_FOUND for what was never put, and for what is no digest', async () => {
      for (const sha256 of [digest(text('never')), 'abc', '../../etc/passwd', '']) {
        await expect(store.readObject(sha256)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
        expect(await store.hasObject(sha256)).toBe(false);
      }
    });

    test('readObject: OBJECT_CORRUPT when bytes were exchanged, and when some are missing', async () => {
      const { sha256 } = await store.putObject(text('precious'));
      await under.damageObject(sha256, text('precioUs'));
      await expect(store.readObject(sha256)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
      await expect(readAll(store.openObject(sha256))).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
      await under.damageObject(sha256, text('prec'));
      await expect(store.readObject(sha256)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    });

    test('putObject: heals an object that lost bytes', async () => {
      const { sha256 } = await store.putObject(text('precious'));
      await under.damageObject(sha256, text(''));
      await store.putObject(text('precious'));
      expect(Buffer.from(await store.readObject(sha256)).toString()).toBe('precious');
    });

    test('putObject and openObject: 50 MB pass with flat memory', async () => {
      const { lines } = start('measure', '50');
      const { bytes, grown_kib } = JSON.parse((await lines.next()).value);
      expect(bytes).toBe(50 * 1_048_576);
      expect(grown_kib).toBeLessThan(35 * 1_024);
    });

    test('putObject: killed in the middle, nothing is there, and the rest is cleared by the next writer', async () => {
      const { child, lines } = start('put-for-ever');
      for (let seen = 0; seen < 3; seen += 1) expect((await lines.next()).value).toBe('writing');
      await kill(child);
      expect(await under.unfinished()).toHaveLength(under.leftByKilledPut);
      await under.reopen().putObject(text('next'));
      expect(await under.unfinished()).toEqual([]);
      for (let parts = 1; parts <= 8; parts += 1) {
        expect(await store.hasObject(digest(Buffer.alloc(65_536 * parts, 'x')))).toBe(false);
      }
    });

    test('putObject: what another process is writing is left alone', async () => {
      const { lines } = start('put-for-ever');
      await lines.next();
      await under.reopen().putObject(text('beside it'));
      expect(await under.unfinished()).toHaveLength(under.leftByKilledPut);
      expect((await lines.next()).value).toBe('writing');
    });

    test('publish: shows nothing before and the whole tree after', async () => {
      const files = await putTree(store, { 'job.json': '{}', 'evidence/deep/log.txt': 'log', 'evidence/a.txt': 'a' });
      expect(await store.published('run-1')).toBeNull();
      expect(await store.list()).toEqual([]);
      await store.publish('run-1', files);
      const published = await under.reopen().published('run-1');
      expect(published?.map(({ path }) => path)).toEqual(['evidence/a.txt', 'evidence/deep/log.txt', 'job.json']);
      expect(new Set(published)).toEqual(new Set(files));
      expect((await readAll(store.openPublished('run-1', 'evidence/deep/log.txt'))).toString()).toBe('log');
      expect(store.locate('run-1')).toContain('run-1');
    });

    test('publish: the same tree again succeeds, in any order; another is RUN_ALREADY_PUBLISHED', async () => {
      const files = await putTree(store, { a: '1', b: '2' });
      await store.publish('run-1', files);
      await under.reopen().publish('run-1', files.toReversed());
      const others = [
        files.slice(1),
        [...files, ...(await putTree(store, { c: '3' }))],
        await putTree(store, { a: '1', b: 'other' }),
        files.map((file) => ({ ...file, media_type: 'text/html' })),
      ];
      for (const other of others) {
        await expect(store.publish('run-1', other)).rejects.toMatchObject({ code: 'RUN_ALREADY_PUBLISHED' });
      }
      expect(await store.published('run-1')).toEqual(files);
    });

    test('publish: of several publishers at once one tree wins whole, and its own publishers all succeed', async () => {
      const trees = [await putTree(store, { a: '1', b: '1' }), await putTree(store, { a: '2', b: '2' })];
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          (index % 4 < 2 ? store : under.reopen()).publish('run-1', trees[index % 2] as ArtifactRef[]),
        ),
      );
      const winner = trees.findIndex((_, tree) => results[tree]?.status === 'fulfilled');
      for (const [index, result] of results.entries()) {
        if (index % 2 === winner) expect(result.status).toBe('fulfilled');
        else expect(result).toMatchObject({ reason: { code: 'RUN_ALREADY_PUBLISHED' } });
      }
      expect(await store.published('run-1')).toEqual(trees[winner]);
      expect((await readAll(store.openPublished('run-1', 'b'))).toString()).toBe(`${winner + 1}`);
      expect(await under.unfinished()).toEqual([]);
    });

    test('publish: PATH_ESCAPES for paths and run ids that lead elsewhere, and nothing is published', async () => {
      const [file] = await putTree(store, { a: '1' });
      for (const path of ['../a', '/etc/a', 'a/../../b', 'a//b', './a', 'a\\b', '', 'a/', 'a\u0000b']) {
        const files = [{ ...(file as ArtifactRef), path }];
        await expect(store.publish('run-1', files)).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
      }
      for (const runId of ['../run', 'a/b', '.', '', 'RUN']) {
        await expect(store.publish(runId, [file as ArtifactRef])).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
        await expect(store.published(runId)).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
      }
      expect(await store.list()).toEqual([]);
    });

    test('publish: PATH_CLASH when one path is wanted twice, or as file and folder', async () => {
      const [one] = await putTree(store, { a: '1' });
      const at = (path: string): ArtifactRef => ({ ...(one as ArtifactRef), path });
      for (const files of [
        [at('a'), at('a')],
        [at('a'), at('a/b')],
        [at('x/y/z'), at('x/y')],
      ]) {
        await expect(store.publish('run-1', files)).rejects.toMatchObject({ code: 'PATH_CLASH' });
      }
      expect(await store.published('run-1')).toBeNull();
    });

    test('publish: OBJECT_NOT_FOUND and OBJECT_CORRUPT publish nothing', async () => {
      const files = await putTree(store, { a: 'aaaa', b: 'bbbb' });
      const [a, b] = files as [ArtifactRef, ArtifactRef];
      const lacking = [a, { ...b, sha256: digest(text('never put')) }];
      await expect(store.publish('run-1', lacking)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
      await expect(store.publish('run-1', [{ ...a, bytes: 5 }])).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
      await under.damageObject(b.sha256, text('bbbB'));
      await expect(store.publish('run-1', files)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
      expect(await store.published('run-1')).toBeNull();
      expect(await under.unfinished()).toEqual([]);
    });

    test('publish: killed at any moment leaves nothing or the whole, and can be done again', async () => {
      const contents = Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`evidence/${n % 5}/${n}.txt`, `${n}`]));
      const files = await putTree(store, contents);
      let finished = 0;
      for (let round = 0; round < 12; round += 1) {
        const run_id = `run-${round}`;
        const order = join(scratch, `${run_id}.json`);
        await writeFile(order, JSON.stringify({ run_id, files }));
        const { child, lines } = start('publish', order);
        expect((await lines.next()).value).toBe('publishing');
        await new Promise((resolve) => setTimeout(resolve, round * 4));
        await kill(child);
        const published = await under.reopen().published(run_id);
        if (published !== null) finished += 1;
        expect([0, files.length]).toContain(published?.length ?? 0);
        const after = under.reopen();
        await after.publish(run_id, files);
        for (const [path, content] of Object.entries(contents)) {
          expect((await readAll(after.openPublished(run_id, path))).toString()).toBe(content);
        }
      }
      expect(finished).toBeLessThan(12);
      expect(await under.unfinished()).toEqual([]);
    });

    test('openPublished: says whether the run, or only the file, is missing, and refuses to climb', async () => {
      await store.publish('run-1', await putTree(store, { a: '1' }));
      const open = (runId: string, path: string) => readAll(store.openPublished(runId, path));
      await expect(open('run-2', 'a')).rejects.toMatchObject({ code: 'RUN_NOT_PUBLISHED' });
      await expect(open('run-1', 'b')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
      await expect(open('run-1', '../../objects')).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
      await expect(open('../run-1', 'a')).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
    });

    test('journal: entries come back in their order, for a run alone, also from where a reader left off', async () => {
      expect(await store.readJournal('run-1')).toEqual([]);
      for (const [seq, entry] of ['a', 'b', 'c'].entries()) {
        expect(await store.appendJournal('run-1', text(entry), seq)).toBe(true);
      }
      await store.appendJournal('run-2', text('other'));
      const read = async (from?: number) =>
        (await under.reopen().readJournal('run-1', from)).map((entry) => Buffer.from(entry).toString());
      expect(await read()).toEqual(['a', 'b', 'c']);
      expect(await read(2)).toEqual(['c']);
      expect(await read(3)).toEqual([]);
      expect(await under.unfinished()).toEqual([]);
    });

    test('journal: of several writers at one place one wins, and an entry never changes', async () => {
      const writers = Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? store : under.reopen()));
      const won = await Promise.all(writers.map((writer, n) => writer.appendJournal('run-1', text(`${n}`), 0)));
      expect(won.filter(Boolean)).toHaveLength(1);
      const [entry] = await store.readJournal('run-1');
      expect(Buffer.from(entry ?? []).toString()).toBe(`${won.indexOf(true)}`);
      expect(await under.unfinished()).toEqual([]);
    });

    test('journal: writers that name no place all come in, each once', async () => {
      const writers = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? store : under.reopen()));
      await Promise.all(writers.map((writer, n) => writer.appendJournal('run-1', text(`${n}`))));
      const read = (await store.readJournal('run-1')).map((entry) => Number(Buffer.from(entry).toString()));
      expect(read.sort((a, b) => a - b)).toEqual(writers.map((_, n) => n));
    });

    test('journal: what follows a free place is not read', async () => {
      await store.appendJournal('run-1', text('b'), 1);
      expect(await store.readJournal('run-1')).toEqual([]);
      await store.appendJournal('run-1', text('a'));
      expect(await store.readJournal('run-1')).toHaveLength(2);
    });

    test('journal: PATH_ESCAPES for a run id that leads elsewhere, STORE_FULL for an entry that is too large', async () => {
      await expect(store.appendJournal('../up', text('a'))).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
      await expect(store.readJournal('../up')).rejects.toMatchObject({ code: 'PATH_ESCAPES' });
      const large = new Uint8Array(300 * 1_024);
      await expect(store.appendJournal('run-1', large)).rejects.toMatchObject({ code: 'STORE_FULL' });
      await expect(store.appendJournal('run-1', text('a'), 1_000_000)).rejects.toMatchObject({ code: 'STORE_FULL' });
      expect(await store.readJournal('run-1')).toEqual([]);
    });

    test('journals: every run that has one, published or not, by its id; none before the first write', async () => {
      expect(await store.journals()).toEqual([]);
      for (const runId of ['run-b', 'run-a', 'run-b']) await store.appendJournal(runId, text('entry'));
      await store.publish('run-c', await putTree(store, { a: '1' }));
      expect(await under.reopen().journals()).toEqual(['run-a', 'run-b']);
    });

    test('list: newest first', async () => {
      const files = await putTree(store, { a: '1' });
      for (const runId of ['run-b', 'run-c', 'run-a']) {
        await store.publish(runId, files);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect((await under.reopen().list()).map(({ run_id }) => run_id)).toEqual(['run-a', 'run-c', 'run-b']);
    });
  });
}
