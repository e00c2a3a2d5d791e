import type { Table } from './figures.js';
import { OPTIONS, type OptionName, type Options, type Request, UsageError } from './options.js';
import { measureBox } from './parts/box.js';
import { measureCheckouts } from './parts/checkouts.js';
import { measureCommands } from './parts/commands.js';
import { measureConcurrentGates } from './parts/concurrent-gates.js';
import { measureGates } from './parts/gates.js';
import { measureHistories } from './parts/history.js';
import { measureLargeRepository } from './parts/large-repository.js';
import { measureLargeWork } from './parts/large-work.js';
import { measureMemory } from './parts/memory.js';
import { measurePrefixes } from './parts/prefix.js';
import { measureRecovery } from './parts/recovery.js';
import { measureSecrets } from './parts/secrets.js';
import { measureSetUp } from './parts/set-up.js';
import { measureSignatures } from './parts/signatures.js';
import { measureThroughput } from './parts/throughput.js';
import { measureVerifier } from './parts/verify.js';
import { measureWaiting } from './parts/waiting.js';

/** A measurement that can be run alone. */
export interface Part {
  readonly about: string;
  /** Whether it is measured when no part is named. */
  readonly byDefault: boolean;
  readonly options: readonly OptionName[];
  /** Runs or rounds of each kind where `--runs` does not say. */
  readonly runs: number;
  measure(options: Options): Promise<readonly Table[]>;
}

export const PARTS: Readonly<Record<string, Part>> = {
  fair: {
    about: 'runs/s, processor time by process and latency, governed beside a plain workflow that does the same work',
    byDefault: true,
    options: ['runs', 'concurrency', 'unsigned', 'profile'],
    runs: 20,
    measure: measureThroughput,
  },
  recovery: {
    about: 'what it costs when the worker is killed with runs in flight, governed and fair',
    byDefault: true,
    options: ['in-flight', 'unsigned'],
    runs: 1,
    measure: measureRecovery,
  },
  history: {
    about: 'history, latency, activities and replays of signed, unsigned and fair runs, by signal and by update',
    byDefault: true,
    options: ['runs'],
    runs: 5,
    measure: measureHistories,
  },
  signatures: {
    about: 'verifying signed decisions in the sandbox',
    byDefault: true,
    options: ['runs'],
    runs: 5,
    measure: measureSignatures,
  },
  prefix: {
    about: "verifying a run's ledger before each gate",
    byDefault: true,
    options: ['runs'],
    runs: 20,
    measure: measurePrefixes,
  },
  gates: {
    about: 'what a gate costs beyond its executor and checks, in processor time and in wall time, in the sandbox',
    byDefault: true,
    options: ['runs', 'unsigned', 'profile'],
    runs: 10,
    measure: measureGates,
  },
  box: {
    about: 'from the order to start a program until it works in its sandbox, for root and for another user',
    byDefault: true,
    options: ['runs'],
    runs: 50,
    measure: measureBox,
  },
  commands: {
    about: 'from `promptos dev` to the first gate, and commands that answer at once',
    byDefault: true,
    options: ['runs'],
    runs: 5,
    measure: measureCommands,
  },
  waiting: {
    about: 'memory of a worker whose runs wait for people',
    byDefault: false,
    options: ['waiting'],
    runs: 1,
    measure: measureWaiting,
  },
  'large-work': {
    about: 'history of a run with 50 MB of patch and of log',
    byDefault: false,
    options: [],
    runs: 1,
    measure: measureLargeWork,
  },
  memory: {
    about: 'memory of a worker with 100 MB of transcript and 50 MB of patch',
    byDefault: false,
    options: ['unsigned', 'profile'],
    runs: 1,
    measure: measureMemory,
  },
  'concurrent-gates': {
    about: 'heartbeats of 20 gates at once, whose executors keep the processors busy',
    byDefault: false,
    options: ['runs', 'unsigned'],
    runs: 20,
    measure: measureConcurrentGates,
  },
  checkouts: {
    about: 'what a gate waits for its own checkout in a repository of many files, cold and warm',
    byDefault: false,
    options: ['files', 'bytes', 'runs', 'pause'],
    runs: 3,
    measure: measureCheckouts,
  },
  'set-up': {
    about: 'what a gate waits for a checkout with an installed set-up of 500 MB, first made and kept',
    byDefault: false,
    options: ['runs'],
    runs: 9,
    measure: measureSetUp,
  },
  'large-repository': {
    about: 'what gates take in a repository of many files, cold and warm',
    byDefault: false,
    options: ['files', 'bytes', 'unsigned'],
    runs: 1,
    measure: measureLargeRepository,
  },
  verify: {
    about: '`promptos verify` beside `sha256sum`, and `verify --all` over many trees',
    byDefault: false,
    options: ['trees', 'tree-bytes'],
    runs: 1,
    measure: measureVerifier,
  },
  secrets: {
    about: 'the secret rules over real sources; needs --sources',
    byDefault: false,
    options: ['sources', 'hits'],
    runs: 1,
    measure: measureSecrets,
  },
};

/**
 * The parts that a person asked for, by name.
 * @throws UsageError when a name is no part's, or an option is none of theirs
 */
export function chooseParts({ only, given, options }: Request): ReadonlyMap<string, Part> {
  const names = Object.keys(PARTS);
  const chosen = new Map(
    (only.length > 0 ? only : names.filter((name) => PARTS[name]?.byDefault)).map((name) => {
      const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
      if (part === undefined) throw new UsageError(`There is no part "${name}". The parts are: ${names.join(', ')}.`);
      return [name, part];
    }),
  );
  for (const option of given) {
    if ([...chosen.values()].some((part) => part.options.some((name) => name === option))) continue;
    const owners = names.filter((name) => PARTS[name]?.options.some((each) => each === option));
    throw new UsageError(`--${option} is an option of ${owners.join(', ')}. Add --only ${owners[0]}.`);
  }
  if (chosen.has('secrets') && options.sources.length === 0) {
    throw new UsageError('The part "secrets" expects at least one --sources DIR.');
  }
  return chosen;
}

/** What `--help` prints. */
export function helpText(): string {
  const line = (name: string, about: string): string => `  ${name.padEnd(22)} ${about}`;
  const own = Object.entries(PARTS).map(([name, { about, byDefault, options, runs }]) => {
    const shown = options.map((option) => (option === 'runs' ? `--runs (${runs})` : `--${option}`)).join(', ');
    return `${line(name, `${about}${byDefault ? '' : ' *'}`)}${shown === '' ? '' : `\n${line('', shown)}`}`;
  });
  return [
    'Usage: npm run bench -- [--only PART[,PART...]] [options]',
    '',
    'Prints Markdown tables. Exits with 1 when a figure misses its goal, and with 2 when an argument is wrong.',
    '',
    'Parts (* only when named):',
    ...own,
    '',
    'Options:',
    line('--only PART[,PART...]', 'measure these parts alone'),
    ...Object.values(OPTIONS).map(([name, about]) => line(name, about)),
    line('--json', 'print JSON'),
    line('--help', 'print this'),
  ].join('\n');
}
