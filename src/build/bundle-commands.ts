import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { PROTOCOL_MODULE, spokenProtocol } from './spoken-protocol.js';

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
const WITH_WORKER = [
  'start/serve-runs',
  'start/start-run',
  'audit/canary/measure-executor',
  'audit/canary/run-canaries',
  'demo/run-demo',
  'doctor/diagnose-executor',
  'runs/gates/gate-work',
  'runs/mcp/serve-mcp',
  'runs/trees/recover-run',
];
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

/** Where the text of Temporal's protocol comes in, once it is known what of it is spoken. */
const PROTOCOL = '"the protocol as JSON"';

/**
 * Temporal's protocol as text that is read at once. protobufjs compiles five functions for a message when one of them is
 * called; a command needs one for most messages: to encode what it asks, or to decode what it is answered.
 */
const protocol: Plugin = {
  name: 'protocol',
  load: (id) =>
    id === PROTOCOL_MODULE
      ? `const protobuf = require('protobufjs/light');
const { Reader, Type, Writer, decoder, encoder, util } = protobuf;
const typesOf = (type) => {
  const edition = type.root._edition || type._edition;
  if (edition) type.root._resolveFeaturesRecursive(edition);
  return type.fieldsArray.map((field) => field.resolve().resolvedType);
};
Type.prototype.encode = function encode(...args) {
  this.encode = encoder(this)({ Writer, types: typesOf(this), util });
  return this.encode(...args);
};
Type.prototype.decode = function decode(...args) {
  this.decode = decoder(this)({ Reader, types: typesOf(this), util, C: this.ctor });
  return this.decode(...args);
};
module.exports = new protobuf.Root().addJSON(JSON.parse(${PROTOCOL}));`
      : null,
};

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
  plugins: [ownPlaces, protocol, workersApart],
});
const { output } = await bundle.generate({
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
});
const bundled = new Set(output.map(({ fileName }) => fileName));
/** What is not in the bundle is imported by the loader: Node 20 imports nothing from code that was compiled before. */
const importedByLoader = ({ code, dynamicImports, fileName }: OutputChunk): string =>
  dynamicImports
    .filter((id) => !bundled.has(id))
    .reduce((before, id) => {
      const after = before.replaceAll(`import(${JSON.stringify(id)})`, `importFromFiles(${JSON.stringify(id)})`);
      if (after === before) throw new Error(`${fileName} imports ${id} in a way that its loader cannot.`);
      return after;
    }, code);
const files = output.flatMap((file) =>
  file.type === 'chunk' ? [{ name: file.fileName, code: importedByLoader(file) }] : [],
);
const spoken = spokenProtocol(files.map(({ code }) => code).join('\n'));
const hash = createHash('sha256');
await rm(BUNDLE, { recursive: true, force: true });
await mkdir(BUNDLE);
for (const { name, code } of files) {
  const whole = code.replace(PROTOCOL, () => JSON.stringify(spoken));
  hash.update(name).update(whole);
  await writeFile(join(BUNDLE, name), whole);
}
await writeFile(join(BUNDLE, 'digest'), hash.digest('hex'));
