import { dirname } from 'node:path/posix';
import { importsOf, roomOf, type SourceImport, type SourceTree, withoutComments } from './source-tree.js';

/** What an architecture rule found, one sentence each; nothing when the tree keeps the rule. */
export type Problems = readonly string[];

const PURE_ROOMS = ['contracts', 'rules', 'prompt-pack', 'domain'];

/** Git asks questions for configuration too; these files build no adapter. */
const GIT = ['adapters/git/environments.ts', 'adapters/git/run-git.ts'];

/** Processes that work apart from a worker's own; these files build no adapter. */
const APART = ['adapters/platform/apart.ts', 'adapters/platform/serve-apart.ts'];

/** Folders that go with the process; it builds no adapter. */
const LEFTOVERS = 'adapters/platform/leftovers.ts';

/**
 * Whom each room may import from, beside itself. An entry with a slash is one file, or a folder of a room.
 * docs/architecture.md has the same table; a room that is missing here is a problem, so that a new folder is placed on
 * purpose.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  rules: ['contracts'],
  'prompt-pack': ['contracts', 'rules'],
  domain: ['contracts', 'rules', 'prompt-pack'],
  ports: ['contracts'],
  workflows: PURE_ROOMS,
  activities: [...PURE_ROOMS, 'ports', 'workflows/messages.ts', ...APART],
  adapters: ['contracts', 'ports', 'rules', 'domain'],
  boxed: ['contracts'],
  verify: [...PURE_ROOMS, 'ports'],
  config: ['contracts', 'ports', 'prompt-pack', 'rules', 'adapters/platform', ...GIT],
  embedded: ['contracts', 'config', 'adapters/platform'],
  converter: ['contracts'],
  client: ['contracts', 'ports', 'domain', 'converter', 'workflows/messages.ts'],
  plugin: [
    'contracts',
    'prompt-pack',
    'ports',
    'activities',
    'converter',
    'verify',
    'workflows/messages.ts',
    ...APART,
    LEFTOVERS,
  ],
  worker: ['contracts', 'ports', 'config', 'embedded', 'adapters', 'activities', 'converter', 'plugin'],
  handoff: [...PURE_ROOMS, 'ports', 'activities'],
  canary: [...PURE_ROOMS, 'ports', 'activities'],
  build: ['contracts', 'converter', 'plugin/workflow-bundle.ts', 'cli/program.ts'],
  cli: [
    ...PURE_ROOMS,
    'ports',
    'config',
    'embedded',
    'adapters',
    'client',
    'converter',
    'plugin',
    'verify',
    'worker',
    'handoff',
    'canary',
    'workflows/messages.ts',
  ],
  index: [
    'contracts',
    'ports',
    'config',
    'activities',
    'client',
    'converter',
    'plugin',
    'verify',
    'workflows/messages.ts',
  ],
};

/**
 * The layers of the command line: from which families of commands each may import, beside itself. What is in `src/cli`
 * itself puts the families together and may import all of them.
 */
const CLI_LAYERS: Readonly<Record<string, readonly string[]>> = {
  app: [],
  keys: ['app'],
  packs: ['app'],
  runs: ['app', 'keys'],
  decide: ['app', 'keys', 'runs'],
  audit: ['app', 'keys', 'runs'],
  doctor: ['app', 'keys', 'runs'],
  start: ['app', 'keys', 'runs', 'decide'],
  demo: ['app', 'keys', 'runs', 'decide', 'start', 'audit'],
};

const allImports = (tree: SourceTree): readonly SourceImport[] =>
  [...tree.keys()].flatMap((path) => importsOf(tree, path));

/** Every import inside the tree goes in a direction that the table has. */
export function checkDirections(tree: SourceTree): Problems {
  const unplaced = [...new Set([...tree.keys()].map(roomOf))].filter((room) => MAY_IMPORT[room] === undefined);
  const wrong = allImports(tree).filter(({ from, to }) => {
    if (!tree.has(to)) return false;
    const allowed = [roomOf(from), ...(MAY_IMPORT[roomOf(from)] ?? [])];
    return !allowed.some((entry) => entry === roomOf(to) || entry === to || to.startsWith(`${entry}/`));
  });
  return [
    ...unplaced.map((room) => `${room}: not in the table of rooms`),
    ...wrong.map(({ from, to }) => `${from} imports ${to}`),
  ];
}

const CLI_TOP = ['completion.ts', 'known-words.ts', 'load-commands.ts', 'main.ts', 'program.ts'];

/** No family of commands imports one of a layer above it; `src/cli` itself holds only what puts the families together. */
export function checkCliLayers(tree: SourceTree): Problems {
  const familyOf = (path: string): string => path.split('/')[1] ?? '';
  const files = [...tree.keys()].filter((path) => roomOf(path) === 'cli');
  const homeless = files.filter(
    (path) => CLI_LAYERS[familyOf(path)] === undefined && !CLI_TOP.includes(familyOf(path)),
  );
  const upward = files.flatMap((path) => {
    const allowed = CLI_LAYERS[familyOf(path)];
    if (allowed === undefined) return [];
    return importsOf(tree, path).filter(
      ({ to }) => roomOf(to) === 'cli' && tree.has(to) && ![familyOf(path), ...allowed].includes(familyOf(to)),
    );
  });
  return [
    ...homeless.map((path) => `${path} is in no family of commands`),
    ...upward.map(({ from, to }) => `${from} imports ${to}`),
  ];
}

/** Every relative import leads to a file of the tree, so that no direction goes unseen. */
export const checkTargets = (tree: SourceTree): Problems =>
  allImports(tree)
    .filter(({ to, relative }) => relative && !tree.has(to))
    .map(({ from, to }) => `${from} imports ${to}, which is missing`);

/** `adapters` and the pure rooms never import Temporal; `workflows` only what runs in its sandbox. */
export function checkTemporal(tree: SourceTree): Problems {
  const forbidden = ({ from, to }: SourceImport): boolean => {
    if (!to.startsWith('@temporalio/')) return false;
    const room = roomOf(from);
    if (room === 'workflows') return !['@temporalio/workflow', '@temporalio/common'].includes(to);
    return [...PURE_ROOMS, 'ports', 'adapters', 'boxed', 'verify'].includes(room);
  };
  return allImports(tree)
    .filter(forbidden)
    .map(({ from, to }) => `${from} imports ${to}`);
}

const IMPURITIES: readonly (readonly [string, RegExp])[] = [
  ['reads the process', /\bprocess\.\w/],
  ['reads the clock', /\bDate\.now\(|\bnew Date\(\s*\)|(?<!new )\bDate\(\s*\)|\bperformance\.now\(/],
  ['is random', /\bMath\.random\(|\brandomUUID\(|\bgetRandomValues\(/],
  ['starts a timer', /\bset(?:Timeout|Interval|Immediate)\(/],
  ['does input or output', /\bfetch\(|\bconsole\.\w/],
];

/** State that lasts: all runs of a worker share the modules of pure rooms, and see it. */
const STATE = /^(?:export )?(?:let|var) /m;
/** These take the platform's own code for the same results; a workflow never gives it to them. */
const TAKE_NATIVE_CODE = ['contracts/digest.ts', 'domain/attest/public-keys.ts'];

/**
 * The pure rooms and `workflows` import no builtin of node; the pure rooms have no clock, randomness, input or lasting state
 * either.
 */
export function checkPurity(tree: SourceTree): Problems {
  const pure = [...tree.keys()].filter((path) => PURE_ROOMS.includes(roomOf(path)));
  const sandboxed = [...tree.keys()].filter((path) => [...PURE_ROOMS, 'workflows'].includes(roomOf(path)));
  return [
    ...sandboxed.flatMap((path) =>
      importsOf(tree, path)
        .filter(({ to }) => /^(?:node:|fs$|path$|crypto$|os$|child_process$)/.test(to))
        .map(({ to }) => `${path} imports ${to}`),
    ),
    ...pure.flatMap((path) => {
      const text = withoutComments(tree.get(path) ?? '');
      const impurities = TAKE_NATIVE_CODE.includes(path)
        ? IMPURITIES
        : [...IMPURITIES, ['keeps state', STATE] as const];
      return impurities.filter(([, pattern]) => pattern.test(text)).map(([deed]) => `${path} ${deed}`);
    }),
  ];
}

/** Rooms that read the process's environment: `config`, whose values the others are handed, and programs of their own. */
const READS_ENVIRONMENT = ['config', 'boxed'];

export const checkEnvironment = (tree: SourceTree): Problems =>
  [...tree]
    .filter(
      ([path, text]) => !READS_ENVIRONMENT.includes(roomOf(path)) && /\bprocess\.env\b/.test(withoutComments(text)),
    )
    .map(([path]) => `${path} reads process.env`);

/** Packages that must not reach the workflow bundle. */
const NOT_IN_BUNDLE = ['zod', 'pino', 'yaml'];

/** No file of the rooms that run in the sandbox loads such a package, through whatever chain of imports. */
export function checkBundle(tree: SourceTree): Problems {
  const roots = [...tree.keys()].filter((path) => ['workflows', 'domain', 'rules'].includes(roomOf(path)));
  return roots.flatMap((root) => {
    const chain = chainTo(tree, root, (to) => NOT_IN_BUNDLE.includes(to));
    return chain === null ? [] : [chain.join(' → ')];
  });
}

/** The shortest chain of loading imports from a file to a target, both included. */
function chainTo(tree: SourceTree, root: string, isTarget: (to: string) => boolean): readonly string[] | null {
  const seen = new Set([root]);
  const queue: string[][] = [[root]];
  for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
    for (const { to, typeOnly } of importsOf(tree, chain.at(-1) ?? root)) {
      if (typeOnly || seen.has(to)) continue;
      if (isTarget(to)) return [...chain, to];
      seen.add(to);
      queue.push([...chain, to]);
    }
  }
  return null;
}

/** The folders of `adapters` that every adapter may use. */
const SHARED_ADAPTERS = ['adapters/platform', 'adapters/git'];

/** The folder of an adapter: `adapters/store` for all below it. Files directly in `adapters` put adapters together. */
const adapterOf = (path: string): string | null => /^adapters\/[^/]+(?=\/)/.exec(path)?.[0] ?? null;

/** An adapter imports no other one, `platform` and `git` aside. */
export const checkAdapters = (tree: SourceTree): Problems =>
  allImports(tree)
    .filter(({ from, to }) => {
      const [user, used] = [adapterOf(from), tree.has(to) ? adapterOf(to) : null];
      return user !== null && used !== null && user !== used && !SHARED_ADAPTERS.includes(used);
    })
    .map(({ from, to }) => `${from} imports ${to}`);

/** Only the worker's composition root and the command line build adapters; `platform` and running git build none. */
export const checkComposition = (tree: SourceTree): Problems =>
  allImports(tree)
    .filter(({ to }) => tree.has(to) && roomOf(to) === 'adapters')
    .filter(({ to }) => adapterOf(to) !== 'adapters/platform' && !GIT.includes(to))
    .filter(({ from }) => !['adapters', 'worker', 'cli'].includes(roomOf(from)))
    .map(({ from, to }) => `${from} imports ${to}`);

/** No default exports, and nothing is re-exported wholesale. */
export const checkExports = (tree: SourceTree): Problems =>
  [...tree].flatMap(([path, text]) => {
    const code = withoutComments(text);
    return [
      ...(/^export\s+(?:type\s+)?\*/m.test(code) ? [`${path} has an export *`] : []),
      ...(/^export\s+default\b|\bas\s+default\b/m.test(code) ? [`${path} has a default export`] : []),
    ];
  });

/** Each way on which a node reaches itself again. */
function circlesOf(nodes: readonly string[], targets: (node: string) => readonly string[]): Problems {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (node: string, above: readonly string[]): void => {
    const start = above.indexOf(node);
    if (start !== -1) {
      circles.push([...above.slice(start), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const target of targets(node)) visit(target, [...above, node]);
    done.add(node);
  };
  for (const node of nodes) visit(node, []);
  return circles;
}

/** No file reaches itself again by its imports, types included. */
export const findCycles = (tree: SourceTree): Problems =>
  circlesOf([...tree.keys()], (path) =>
    importsOf(tree, path)
      .map(({ to }) => to)
      .filter((to) => tree.has(to)),
  );

/** Rooms that get paths of people and of the environment; the others make folders in what these have made. */
const WITH_PATHS_OF_PEOPLE = /^(?:config|cli|embedded|handoff|adapters\/(?:platform|git|store))\//;

/** Node's own recursive `mkdir` never ends below /proc, where `HOME` or an option may lead: `makeFolders` does. */
export const checkFolderMaking = (tree: SourceTree): Problems =>
  [...tree]
    .filter(([path, text]) => WITH_PATHS_OF_PEOPLE.test(path) && /\bmkdir(?:Sync)?\([^;]*recursive: true/.test(text))
    .map(([path]) => `${path} makes folders with Node's recursive mkdir`);

/** Only a marked folder says which process it belongs to, so that a later one removes it after a kill. */
export const checkMarks = (tree: SourceTree): Problems =>
  [...tree]
    .filter(([path, text]) => path !== LEFTOVERS && /\bmkdtemp(?:Sync)?\(/.test(withoutComments(text)))
    .map(([path]) => `${path} makes a temporary folder without the mark of its process`);

/** Lines that a source file may have. */
const LINE_LIMIT = 350;

export const checkLength = (tree: SourceTree): Problems =>
  [...tree]
    .map(([path, text]) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LINE_LIMIT)
    .map(({ path, lines }) => `${path} has ${lines} lines`);

/** A folder that holds more is hard to take in: it wants rooms of its own. */
const FILE_LIMIT = 24;

export function checkFolders(tree: SourceTree): Problems {
  const files = new Map<string, number>();
  for (const path of tree.keys()) files.set(dirname(path), (files.get(dirname(path)) ?? 0) + 1);
  return [...files]
    .filter(([, number]) => number > FILE_LIMIT)
    .map(([folder, number]) => `${folder} has ${number} files`);
}

/** The folders of these rooms are in layers. */
const LAYERED_ROOMS = ['contracts', 'rules', 'activities', 'adapters', 'cli'];

/** No two folders of such a room import each other, through whatever chain of folders; its top is a folder too. */
export function checkFolderCircles(tree: SourceTree): Problems {
  const targets = new Map<string, Set<string>>();
  for (const { from, to } of allImports(tree)) {
    const [here, there] = [dirname(from), dirname(to)];
    if (!LAYERED_ROOMS.includes(roomOf(from)) || roomOf(to) !== roomOf(from) || !tree.has(to) || here === there)
      continue;
    targets.set(here, (targets.get(here) ?? new Set()).add(there));
  }
  return circlesOf([...targets.keys()], (folder) => [...(targets.get(folder) ?? [])]);
}
