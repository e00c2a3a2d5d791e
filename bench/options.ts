import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What the parts of the bench can be asked for. */
export interface Options {
  /** Runs, or rounds, of each kind. */
  readonly runs: number;
  readonly concurrency: readonly number[];
  readonly inFlight: number;
  readonly waiting: number;
  readonly files: number;
  readonly bytes: number;
  /** Milliseconds between two gates of `checkouts`. */
  readonly pause: number;
  readonly trees: number;
  readonly treeBytes: number;
  readonly sources: readonly string[];
  readonly hits: boolean;
  readonly unsigned: boolean;
  readonly profile: string | undefined;
}

/** What a person asks for. */
export interface Request {
  /** Names of parts; empty for those that are measured by default. */
  readonly only: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
  /** Names of options that were given. */
  readonly given: ReadonlySet<string>;
  readonly options: Omit<Options, 'runs'> & { readonly runs: number | null };
}

/** A request that cannot be carried out; the message says what to do. */
export class UsageError extends Error {}

/** Every option that takes part in a measurement, as the help prints it. */
export const OPTIONS = {
  runs: ['--runs N', 'runs or rounds of each kind; else what each part names'],
  concurrency: ['--concurrency N[,N]', 'runs at a time (default 1,50); as many are measured at the least'],
  'in-flight': ['--in-flight N', 'runs in flight when the worker is killed (default 20)'],
  waiting: ['--waiting N', 'runs that wait (default 200)'],
  files: ['--files N', 'files of the large repository (default 50000)'],
  bytes: ['--bytes N', 'bytes of the large repository (default 1000000000)'],
  pause: ['--pause N', 'milliseconds between two checkouts, as an executor works (default 30000)'],
  trees: ['--trees N', 'small trees to verify (default 500)'],
  'tree-bytes': ['--tree-bytes N', 'bytes of the large tree to verify (default 2000000000)'],
  sources: ['--sources DIR', 'a folder of sources to scan for secrets; may be given several times'],
  hits: ['--hits', 'print each hit on standard error'],
  unsigned: ['--unsigned', 'governed runs sign nothing; else every act is signed'],
  profile: ['--profile DIR', "write CPU profiles of the workers' threads into a folder"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type OptionName = keyof typeof OPTIONS;

function count(name: string, text: string): number {
  if (!/^[1-9]\d{0,12}$/.test(text)) {
    throw new UsageError(`--${name} expects a whole number of 1 or more, received "${text}".`);
  }
  return Number(text);
}

/** @throws UsageError */
export function parseRequest(args: readonly string[]): Request {
  const parsed = parse(args);
  const number = (
    name: 'in-flight' | 'waiting' | 'files' | 'bytes' | 'pause' | 'trees' | 'tree-bytes',
    otherwise: number,
  ) => {
    const text = parsed[name];
    return text === undefined ? otherwise : count(name, text);
  };
  return {
    only: parsed.only?.split(',').map((name) => name.trim()) ?? [],
    json: parsed.json ?? false,
    help: parsed.help ?? false,
    given: new Set(Object.keys(parsed).filter((name) => name in OPTIONS)),
    options: {
      runs: parsed.runs === undefined ? null : count('runs', parsed.runs),
      concurrency: (parsed.concurrency ?? '1,50').split(',').map((text) => count('concurrency', text.trim())),
      inFlight: number('in-flight', 20),
      waiting: number('waiting', 200),
      files: number('files', 50_000),
      bytes: number('bytes', 1_000_000_000),
      pause: number('pause', 30_000),
      trees: number('trees', 500),
      treeBytes: number('tree-bytes', 2_000_000_000),
      sources: parsed.sources ?? [],
      hits: parsed.hits ?? false,
      unsigned: parsed.unsigned ?? false,
      profile: parsed.profile === undefined ? undefined : resolve(parsed.profile),
    },
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: text,
        json: flag,
        help: { ...flag, short: 'h' },
        runs: text,
        concurrency: text,
        'in-flight': text,
        waiting: text,
        files: text,
        bytes: text,
        pause: text,
        trees: text,
        'tree-bytes': text,
        sources: { ...text, multiple: true },
        hits: flag,
        unsigned: flag,
        profile: text,
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} See --help.`);
  }
}
