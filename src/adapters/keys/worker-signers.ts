import { ENGINE_SIGNER, type SignerConfig } from '../../contracts/config/signer-config.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { Signer, SignerRegistry } from '../../ports/signer.js';
import { type AgentKeyChoice, createAgentSigner } from './agent-signer.js';
import { createFileSigner, createTextSigner, type FileSignerOptions } from './file-signer.js';
import { publicKeyOfLine } from './key-files.js';
import { readPassphraseFile } from './read-private-file.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The keys of a worker config, all opened now: a worker that cannot sign must fail before it takes any work.
 * @param config as `readWorkerConfig` gives it: paths are absolute
 * @param env the worker's own environment
 * @throws PromptOsError KEY_NOT_FOUND, KEY_NOT_READABLE, KEY_LOCKED, AGENT_FAILED
 */
export async function createWorkerSigners(
  { signers }: Pick<WorkerConfig, 'signers'>,
  env: Environment,
): Promise<SignerRegistry> {
  const byName = new Map<string, Signer>();
  for (const [name, signer] of Object.entries(signers)) byName.set(name, await openConfigured(name, signer, env));
  return {
    // The engine's key vouches for what the engine saw; it never signs for a principal with a duty.
    forPrincipal: (name) => (name === ENGINE_SIGNER ? null : (byName.get(name) ?? null)),
    forEngine: () => byName.get(ENGINE_SIGNER) ?? null,
  };
}

async function openConfigured(name: string, config: SignerConfig, env: Environment): Promise<Signer> {
  const place = `signers.${name}`;
  if ('agent' in config) {
    const socket = env.SSH_AUTH_SOCK;
    if (!socket) {
      throw new PromptOsError('AGENT_FAILED', `${place} asks for the ssh-agent, and SSH_AUTH_SOCK is not set.`);
    }
    return createAgentSigner({ socket, ...choiceOf(place, config.public) });
  }
  const options = passphraseOf(place, config.passphrase_file);
  if ('file' in config) return createFileSigner(config.file, options);
  const text = env[config.env];
  if (!text) {
    throw new PromptOsError('KEY_NOT_FOUND', `${place} names the variable ${config.env}, which is not set.`, {
      hint: 'Set it to the text of a private key, or name a file.',
    });
  }
  // Settings of one line, as many CI systems have them, say \n for the end of a line.
  const pem = text.includes('\n') ? text : text.replaceAll('\\n', '\n');
  return createTextSigner(pem, `the variable ${config.env}`, options);
}

function choiceOf(place: string, line: string | undefined): AgentKeyChoice {
  if (line === undefined) return { only: true };
  return { keyid: publicKeyOfLine(line, `${place}.public`).keyid };
}

const passphraseOf = (place: string, file: string | undefined): FileSignerOptions => ({
  passphrase: async () => {
    if (file !== undefined) return readPassphraseFile(file);
    throw new PromptOsError('KEY_LOCKED', `The key of ${place} has a passphrase, and a worker cannot ask for it.`, {
      hint: `Add passphrase_file to ${place}, or use a key without a passphrase.`,
    });
  },
});
