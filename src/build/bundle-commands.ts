import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

/*
 * Part of `npm run build`: the command line as a few files. Node takes a tenth of a millisecond for a line of code, and
 * half a millisecond for each file that it has to find: a command that answers at once would spend its time on the latter.
 */

const DIST = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = join(DIST, 'commands');

/**
 * The bodies of commands that host a worker, or load what a worker is made of. `bin/promptos` runs their lines from the
 * files themselves, so that one process has one copy of the SDK.
 */
const WITH_WORKER = ['start/serve-runs', 'start/start-run', 'demo/run-demo', 'runs/recover-run'];
const withWorker = new Set(WITH_WORKER.map((name) => join(DIST, 'cli', `${name}.js`)));

/** Packages that are loaded as they are: they load files of their own by name, or are larger than all the rest. */
const AS_THEY_ARE = /^(?:@aws-sdk|@secretlint|@smithy)\//;
const OF_A_WORKER = /^@temporalio\/(?:activity|core-bridge|worker)$/;

/** The SDK loads a converter by its path: a bundle of the command line has its own, so that it has the SDK once. */
const DATA_CONVERTER = join(DIST, 'converter', 'data-converter.js');

/** Any other module of ours still finds files from its own place. */
const ownPlaces: Plugin = {
  name: 'own-places',
  transform: (code, id) =>
    id.startsWith(DIST) && id !== DATA_CONVERTER && code.includes('import.meta.url')
      ? code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(BUNDLE, id))}, import.meta.url).href`)
      : null,
};

/** Namespaces of Temporal's protocol that no command speaks: building their types takes longer than a command does. */
const UNSPOKEN = ['coresdk', 'temporal.api.cloud', 'grpc.gateway'];

/** A node of the protocol's tree. */
interface Protocol {
  readonly nested?: Record<string, Protocol>;
}

/** Temporal's protocol without what is unspoken, as text that is read at once. */
const spokenProtocol: Plugin = {
  name: 'spoken-protocol',
  load(id) {
    if (!id.endsWith('@temporalio/proto/protos/json-module.js')) return null;
    const root = (createRequire(id)(id) as { toJSON(): Protocol }).toJSON();
    for (const name of UNSPOKEN) remove(root, name.split('.'));
    const json = JSON.stringify(JSON.stringify(root.nested));
    return `const { Root } = require('protobufjs/light');\nmodule.exports = new Root().addJSON(JSON.parse(${json}));`;
  },
};

function remove({ nested = {} }: Protocol, [name = '', ...below]: readonly string[]): void {
  const found = nested[name];
  if (found === undefined) throw new Error(`Temporal's protocol has no namespace ${name}.`);
  if (below.length === 0) delete nested[name];
  else remove(found, below);
}

/** Leaves what hosts a worker where it is. */
const workersApart: Plugin = {
  name: 'workers-apart',
  resolveId(id, importer) {
    if (OF_A_WORKER.test(id)) throw new Error(`${importer} loads ${id}: name its command in WITH_WORKER.`);
    const file = id.startsWith('.') && importer !== undefined ? join(dirname(importer), id) : id;
    return withWorker.has(file) ? { id: relative(BUNDLE, file), external: true } : null;
  },
};

const bundle = await rolldown({
  input: {
    main: join(DIST, 'cli', 'main.js'),
    'payload-converter': join(dirname(DATA_CONVERTER), 'payload-converter.cjs'),
  },
  platform: 'node',
  external: AS_THEY_ARE,
  plugins: [ownPlaces, spokenProtocol, workersApart],
});
const { output } = await bundle.write({
  dir: BUNDLE,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  cleanDir: true,
});
const hash = createHash('sha256');
for (const file of output) if (file.type === 'chunk') hash.update(file.fileName).update(file.code);
await writeFile(join(BUNDLE, 'digest'), hash.digest('hex'));
