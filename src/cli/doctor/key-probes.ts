import { createWorkerSigners } from '../../adapters/keys/worker-signers.js';
import { keysFolder } from '../../config/key-files.js';
import { ENGINE_SIGNER } from '../../contracts/worker-config.js';
import { listKeys } from '../named-key.js';
import { notLookedAt, ok, type Probe, type ProbeSetting, warn, workerOrNull } from './probe.js';

const OPEN_KEY = 'It is as safe as your account, no more; docs/keys.md says what that means.';

const ownKeysProbe = ({ env }: ProbeSetting): Probe => ({
  name: 'keys',
  run: async () => {
    const folder = keysFolder(env);
    const keys = await listKeys(folder);
    const problems = keys.flatMap(({ problem }) => (problem === null ? [] : [problem]));
    if (problems.length > 0) return warn(problems.join('\n'), 'Put these keys right, or remove them.');
    const open = keys.filter(({ passphrase }) => passphrase === false).map(({ name }) => name);
    if (open.length > 0) return warn(`no passphrase: ${open.join(', ')} (${folder})`, OPEN_KEY);
    return ok(keys.length === 0 ? `none in ${folder}` : keys.map(({ name }) => name).join(', '));
  },
});

const workerKeysProbe = (setting: ProbeSetting): Probe => ({
  name: 'signers',
  run: async () => {
    const worker = await workerOrNull(setting);
    if (worker === null) return notLookedAt('worker config');
    const names = Object.keys(worker.config.signers);
    if (names.length === 0) return ok('none: this worker signs nothing');
    const signers = await createWorkerSigners(worker.config, setting.env);
    const keyidOf = (name: string) =>
      (name === ENGINE_SIGNER ? signers.forEngine() : signers.forPrincipal(name))?.keyid ?? '';
    return ok(names.map((name) => `${name}: ${keyidOf(name)}`).join('\n'));
  },
});

/** The user's own keys, and whether the worker can open its own. */
export const keyProbes = (setting: ProbeSetting): readonly Probe[] => [ownKeysProbe(setting), workerKeysProbe(setting)];
