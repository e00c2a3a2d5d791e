import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readPolicy } from '../../config/policy-file.js';
import { PromptOsError } from '../../contracts/errors.js';
import { parsePromptOsPolicy, type TrustedPolicy, type VerifyTrust } from '../../verify/index.js';

/**
 * What a verifier goes by, from the files that the command names.
 * @throws PromptOsError POLICY_NOT_FOUND, POLICY_INVALID, YAML_MALFORMED, FILE_NOT_READABLE
 */
export async function readTrust(
  cwd: string,
  options: { readonly policy?: readonly string[]; readonly promptosPolicy?: string },
): Promise<VerifyTrust> {
  const policies: TrustedPolicy[] = [];
  for (const path of options.policy ?? []) policies.push(await readPolicy(resolve(cwd, path)));
  if (options.promptosPolicy === undefined) return { policies };
  const path = resolve(cwd, options.promptosPolicy);
  const text = await readFile(path, 'utf8').catch((error: Error): never => {
    throw new PromptOsError('FILE_NOT_READABLE', `Could not read ${path}: ${error.message}.`, { cause: error });
  });
  return { policies, promptosPolicy: parsePromptOsPolicy(text, path) };
}
