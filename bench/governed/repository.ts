import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createFileSigner } from '../../src/adapters/keys/file-signer.js';
import { writeThrowawayKeys } from '../../src/cli/start/first-keys.js';
import type { SignerFor } from '../../src/client/client.js';
import { readPromptPack } from '../../src/config/prompt-pack.js';
import type { PromptPackBundle } from '../../src/contracts/prompt-pack.js';
import type { RunRequest } from '../../src/contracts/run/run-request.js';
import { exampleOutputs } from '../../test/support/gate-outputs.js';
import { exampleRequest } from '../../test/support/run-request.js';
import { PACKAGE_ROOT } from '../package-root.js';

/** How much work a run is, by the branch that it starts from. */
interface Work {
  /** Bytes of the patch and of the check's log. */
  readonly bytes: number;
  /** Bytes that the agent prints at P05 before its answer. */
  readonly printed: number;
  /** Seconds for which the agent keeps a processor busy at each gate. */
  readonly seconds: number;
}

const SMALL: Work = { bytes: 1_000, printed: 0, seconds: 0 };

export const WORK = {
  large: { ...SMALL, bytes: 50_000_000 },
  printed: { ...SMALL, bytes: 50_000_000, printed: 100_000_000 },
  busy: { ...SMALL, seconds: 20 },
  small: SMALL,
} as const satisfies Readonly<Record<string, Work>>;
export type WorkSize = keyof typeof WORK;

/** The branch that a run of each size starts from. */
export const BRANCHES = { large: 'large', printed: 'printed', busy: 'busy', small: 'main' } as const satisfies Record<
  WorkSize,
  string
>;
/** What is printed may be as much. */
const MOST_PRINTED = 200_000_000;

/** A git repository with a policy, a worker config and agents of a few lines of shell, so that governance is what is measured. */
export interface BenchRepository {
  readonly folder: string;
  /** The folder of the agents' program `answer.sh` and of the answers that it gives. */
  readonly agents: string;
  readonly stateDir: string;
  readonly name: string;
  readonly commits: Readonly<Record<WorkSize, string>>;
  readonly request: RunRequest;
  readonly policy: Uint8Array;
  readonly pack: PromptPackBundle;
  /** The keys of people; where runs are not signed it finds none. */
  readonly signerFor: SignerFor;
  remove(): Promise<void>;
}

export interface BenchRepositoryOptions {
  /** Every act is signed, with throwaway keys; without it the policy lists no key. */
  readonly signed?: boolean;
  /** Files that no run touches, for what a large repository costs. */
  readonly filler?: Filler;
}

export interface Filler {
  readonly files: number;
  /** Bytes of all of them together. */
  readonly bytes: number;
}

const NAME = 'bench';

const PEOPLE = ['ada', 'grace'] as const;
const AGENTS = ['nina', 'vera', 'rex'] as const;
/** The lines of public keys, by name; null where nothing is signed. */
type KeyLines = Readonly<Record<string, string>> | null;

const keysOf = (keys: KeyLines, name: string): string => (keys === null ? '' : `, keys: [{ public: '${keys[name]}' }]`);

/** A policy of which only what is about signatures differs. */
export const policyText = (packDigest: string, keys: KeyLines): string => `schema_version: 1
name: bench
principals:
${PEOPLE.map((name) => `  ${name}: { kind: human${keysOf(keys, name)} }`).join('\n')}
${AGENTS.map((name) => `  ${name}: { kind: agent${keysOf(keys, name)} }`).join('\n')}
roles: { writer: nina, verifier: vera, reviewer: rex, integrator: [grace] }
decisions: { authentication: ${keys === null ? 'optional' : 'required'} }
attestations: ${keys === null ? 'optional' : 'required'}
${keys === null ? '' : `engine: { keys: [{ public: '${keys.engine}' }] }\n`}limits: { patch_bytes: 200000000 }
checks:
  tests: { argv: [sh, check.sh], timeout: 5m, made_of: [check.sh, bytes] }
default_checks: [tests]
default_scope: { allow: ['src/**'] }
prompt_packs: ['${packDigest}']
`;

const executor = (principal: string): string => `  ${principal}:
    kind: command
    argv: [sh, ./agents/answer.sh, ${principal}]
    env: { set: { ANSWERS: ANSWERS_FOLDER } }
    timeout: 5m
    max_output_bytes: ${MOST_PRINTED}
`;

const signers = `signers:
${[...AGENTS, 'engine'].map((name) => `  ${name}: { file: ./keys/${name}.pem }`).join('\n')}
`;

const workerText = (agents: string, signed: boolean): string => `schema_version: 1
repositories: { ${NAME}: { path: .. } }
trust: { policies: [./policy.yaml] }
executors:
${AGENTS.map(executor).join('').replaceAll('ANSWERS_FOLDER', JSON.stringify(agents))}checks: { allow: [tests] }
${signed ? signers : ''}`;

/** Reads its prompt, writes the change at P05, and gives the answer that was prepared. */
const AGENT = `cat >/dev/null
read -r seconds <seconds
[ "$seconds" = 0 ] || timeout "$seconds" sh -c 'while :; do :; done'
if [ "$PROMPTOS_GATE" = P05 ]; then
  read -r printed <printed
  [ "$printed" = 0 ] || yes 'read src/split.js and thought about the total of the shares' | head -c "$printed"
  echo
  yes 'export const share = (total, people) => Math.floor(total / people);' | head -c "$(cat bytes)" >src/split.js
fi
cat "$ANSWERS/$PROMPTOS_GATE.json"
`;

const CHECK = `yes 'ok: the shares add up to the total' | head -c "$(cat bytes)"\n`;

/** Where the filler is, from the top of the repository. */
export const FILLER_FOLDER = 'filler';
const SOURCE_LINE =
  '  const total = items.reduce((sum, item) => sum + item.price * item.amount, 0); // as source code is\n';

/** Every other file cannot be compressed; the rest are as source code is. */
const fillerContent = (index: number, size: number): Buffer =>
  index % 2 === 0 ? randomBytes(size) : Buffer.from(`// ${index}\n`.padEnd(size, SOURCE_LINE)).subarray(0, size);

/** A hundred files to a folder. */
async function writeFiller(folder: string, { files, bytes }: Filler): Promise<void> {
  const size = Math.ceil(bytes / files);
  for (let index = 0; index < files; index += 1) {
    const path = join(folder, FILLER_FOLDER, String(Math.floor(index / 100)), `${index}.bin`);
    if (index % 100 === 0) await mkdir(dirname(path), { recursive: true });
    await writeFile(path, fillerContent(index, size));
  }
}

/** Makes the repository in a temporary folder, with a branch for each size of work. */
export async function createBenchRepository({
  signed = false,
  filler,
}: BenchRepositoryOptions = {}): Promise<BenchRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-bench-'));
  const pack = await readPromptPack(join(PACKAGE_ROOT, 'prompts'));
  const keysFolder = join(folder, '.promptos', 'keys');
  const keys = signed ? await writeThrowawayKeys(keysFolder, [...PEOPLE, ...AGENTS, 'engine']) : null;
  const policy = policyText(pack.digest, keys);
  const request = exampleRequest();
  const agents = join(folder, '.promptos', 'agents');
  const answers = Object.entries(exampleOutputs(request)).map(([gate, output]) => [
    `.promptos/agents/${gate}.json`,
    JSON.stringify({ kind: 'output', ...output }),
  ]);
  const files: Readonly<Record<string, string>> = {
    'README.md': '# Bench\n',
    'src/split.js': 'export const split = 0;\n',
    'check.sh': CHECK,
    '.promptos/policy.yaml': policy,
    '.promptos/worker.yaml': workerText(agents, signed),
    '.promptos/agents/answer.sh': AGENT,
    ...Object.fromEntries(answers),
  };
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=bench', '-c', 'user.email=bench@example.org', ...args], {
      encoding: 'utf8',
    }).trim();
  const commit = async (size: WorkSize): Promise<string> => {
    git('checkout', '-q', '-b', BRANCHES[size]);
    for (const [name, value] of Object.entries(WORK[size])) await writeFile(join(folder, name), `${value}\n`);
    git('add', '--', '.', ':!.promptos/keys');
    git('commit', '-q', '-m', `${size} work`);
    return git('rev-parse', 'HEAD');
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  if (filler !== undefined) await writeFiller(folder, filler);
  git('init', '-q', '-b', 'none');
  const large = await commit('large');
  const printed = await commit('printed');
  const busy = await commit('busy');
  const small = await commit('small');
  return {
    folder,
    agents,
    stateDir: join(folder, '.promptos', 'state'),
    name: NAME,
    commits: { large, printed, busy, small },
    request,
    policy: new TextEncoder().encode(policy),
    pack,
    signerFor: signed ? openSigners(keysFolder) : async () => null,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Opens each person's key once, as the command line does. */
function openSigners(keysFolder: string): SignerFor {
  const opened = new Map<string, ReturnType<typeof createFileSigner>>();
  const passphrase = () => Promise.reject(new Error('a throwaway key has no passphrase'));
  return (principal) => {
    const signer = opened.get(principal) ?? createFileSigner(join(keysFolder, `${principal}.pem`), { passphrase });
    opened.set(principal, signer);
    return signer;
  };
}
