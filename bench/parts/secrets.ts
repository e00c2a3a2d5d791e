import process from 'node:process';
import { findSecretPatterns, type SecretPatternHit } from '../../src/rules/secrets/find-secrets.js';
import type { Row, Table } from '../figures.js';
import { note } from '../note.js';
import type { Options } from '../options.js';
import { textFiles } from './text-files.js';

interface PlacedHit extends SecretPatternHit {
  readonly path: string;
  readonly shown: string;
}

/** What a person needs to judge a hit: its line, cut. */
const shownLine = (text: string, line: number): string =>
  (text.split(/\r\n|[\n\r]/, line)[line - 1] ?? '').trim().slice(0, 160);

async function measure(folder: string) {
  let files = 0;
  let bytes = 0;
  const hits: PlacedHit[] = [];
  const started = process.cpuUsage();
  for await (const { path, text } of textFiles(folder)) {
    files += 1;
    bytes += Buffer.byteLength(text);
    hits.push(...findSecretPatterns(text, path).map((hit) => ({ ...hit, path, shown: shownLine(text, hit.line) })));
  }
  const { user, system } = process.cpuUsage(started);
  return { folder, files, bytes, hits, cpu_ms: Math.round((user + system) / 1_000) };
}

const count = (hits: readonly PlacedHit[], confidence: PlacedHit['confidence']): number =>
  hits.filter((hit) => hit.confidence === confidence).length;

function rowOf(name: string, files: number, hits: readonly PlacedHit[], cpu_ms: number, bytes: number): Row {
  const perThousand = (hitCount: number) => (files === 0 ? null : (hitCount * 1_000) / files);
  const [known, candidates] = [count(hits, 'known'), count(hits, 'candidate')];
  return {
    name,
    values: {
      'text files': files,
      MB: bytes / 1e6,
      'processor ms': cpu_ms,
      known,
      'known per 1,000 files': perThousand(known),
      candidates,
      'candidates per 1,000 files': perThousand(candidates),
    },
  };
}

/** The table of secret formats over every text file of the named folders, as if a patch added all of it. */
export async function measureSecrets({ sources, hits: list }: Options): Promise<readonly Table[]> {
  const measured: Awaited<ReturnType<typeof measure>>[] = [];
  for (const folder of sources) measured.push(await measure(folder));
  const hits = measured.flatMap((each) => each.hits);
  const sum = (of: (each: Awaited<ReturnType<typeof measure>>) => number) =>
    measured.reduce((total, each) => total + of(each), 0);
  const rows = measured.map((each) =>
    rowOf(each.folder.split('/').filter(Boolean).at(-1) ?? '', each.files, each.hits, each.cpu_ms, each.bytes),
  );
  const all = rowOf(
    'all',
    sum((each) => each.files),
    hits,
    sum((each) => each.cpu_ms),
    sum((each) => each.bytes),
  );
  if (list) for (const hit of hits) note(`${hit.confidence} ${hit.rule} ${hit.path}:${hit.line} ${hit.shown}`);
  const rules = [...new Set(hits.map(({ rule }) => rule))].sort();
  const byRule = rules.map((name) => ({ name, values: { hits: hits.filter(({ rule }) => rule === name).length } }));
  return [
    { title: 'Secrets on real sources', columns: Object.keys(all.values), rows: [...rows, all] },
    { title: 'Secrets by rule', columns: ['hits'], rows: byRule },
  ];
}
