import { dirname, resolve } from 'node:path';
import type { SignerConfig } from '../contracts/config/signer-config.js';
import { type WorkerConfig, workerConfigSchema } from '../contracts/config/worker-config.js';
import { secretSettings } from '../rules/attempts/observations.js';
import { readNamedFile } from './files.js';
import { invalidDocument, parseDocumentAs, parseYaml } from './yaml-document.js';

/** What a trusted policy is written as when it is named by its bytes instead of its path. */
export const DIGEST_PREFIX = 'sha256:';

const mapValues = <Value, Result>(record: Readonly<Record<string, Value>>, change: (value: Value) => Result) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/**
 * Reads a worker config. Relative paths of repositories, policies, keys, the store and what is readable are made absolute: they are relative to
 * the file's own folder, not to where the worker was started. The arguments of executors stay as they are written, since
 * records hold their digest.
 * @throws PromptOsError WORKER_CONFIG_NOT_FOUND, FILE_NOT_READABLE, YAML_MALFORMED, WORKER_CONFIG_INVALID
 */
export async function readWorkerConfig(path: string): Promise<WorkerConfig> {
  const bytes = await readNamedFile(path, 'WORKER_CONFIG_NOT_FOUND');
  const document = parseYaml(bytes, path);
  const config = parseDocumentAs(document, workerConfigSchema, 'WORKER_CONFIG_INVALID');
  const secrets = secretSettings(config).map(({ path: place, what }) => ({ path: place, text: what }));
  if (secrets.length > 0) throw invalidDocument(document, secrets, 'WORKER_CONFIG_INVALID');
  const folder = dirname(resolve(path));
  return {
    ...config,
    repositories: mapValues(config.repositories, (entry) =>
      'path' in entry ? { path: resolve(folder, entry.path) } : entry,
    ),
    trust: {
      policies: config.trust.policies.map((entry) =>
        entry.startsWith(DIGEST_PREFIX) ? entry : resolve(folder, entry),
      ),
    },
    sandbox:
      config.sandbox === 'none'
        ? 'none'
        : { ...config.sandbox, readable: config.sandbox.readable.map((path) => resolve(folder, path)) },
    signers: mapValues(config.signers, (signer) => resolveSigner(folder, signer)),
    ...(config.store?.kind === 'fs' && { store: { kind: 'fs', path: resolve(folder, config.store.path) } }),
  };
}

const resolveSigner = (folder: string, signer: SignerConfig): SignerConfig =>
  'agent' in signer
    ? signer
    : {
        ...('file' in signer ? { file: resolve(folder, signer.file) } : { env: signer.env }),
        ...(signer.passphrase_file === undefined ? {} : { passphrase_file: resolve(folder, signer.passphrase_file) }),
      };
