import process from 'node:process';
import { parseArgs } from 'node:util';
import { findSecretPatterns, type SecretPatternHit } from '../../src/rules/find-secrets.js';
import { textFiles } from './text-files.js';

const { values, positionals: folders } = parseArgs({
  allowPositionals: true,
  options: { hits: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
if (folders.length === 0) {
  process.stderr.write('Name at least one folder of sources: run.js [--hits] [--json] FOLDER...\n');
  process.exit(2);
}

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

function row(name: string, files: number, hits: readonly PlacedHit[]): string {
  const perThousand = (hitCount: number) => (files === 0 ? '' : ((hitCount * 1_000) / files).toFixed(1));
  const [known, candidates] = [count(hits, 'known'), count(hits, 'candidate')];
  return `| ${[name, files, known, perThousand(known), candidates, perThousand(candidates)].join(' | ')} |`;
}

const measured = [];
for (const folder of folders) measured.push(await measure(folder));
const all = measured.flatMap(({ hits }) => hits);

if (values.json) {
  process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
} else {
  const files = measured.reduce((sum, each) => sum + each.files, 0);
  const lines = [
    '| sources | text files | known | per 1,000 files | candidates | per 1,000 files |',
    '|---|--:|--:|--:|--:|--:|',
    ...measured.map((each) => row(each.folder.split('/').filter(Boolean).at(-1) ?? '', each.files, each.hits)),
    row('all', files, all),
  ];
  const rules = [...new Set(all.map(({ rule }) => rule))].sort();
  const byRule = rules.map((rule) => `${rule}: ${all.filter((hit) => hit.rule === rule).length}`);
  const megabytes = measured.reduce((sum, each) => sum + each.bytes, 0) / 1e6;
  const cpu = measured.reduce((sum, each) => sum + each.cpu_ms, 0);
  process.stdout.write(`${lines.join('\n')}\n\n${byRule.join(', ')}\n`);
  process.stdout.write(`${megabytes.toFixed(1)} MB in ${cpu} ms of processor time\n`);
}
if (values.hits) {
  for (const hit of all) {
    process.stdout.write(`${hit.confidence} ${hit.rule} ${hit.path}:${hit.line} ${hit.shown}\n`);
  }
}
