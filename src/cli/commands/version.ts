import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { Command } from 'commander';
import type { CommandContext } from '../context.js';

/** The version in a package.json. */
function versionIn(path: string | URL): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version?: string };
  return version ?? 'unknown';
}

/** The version of this package: two levels above `cli`, in `src` as in `dist`. */
export const ownVersion = (): string => versionIn(new URL('../../../package.json', import.meta.url));

const sdkVersion = (): string => versionIn(createRequire(import.meta.url).resolve('@temporalio/client/package.json'));

/** `promptos version`: the versions of everything that a report of a defect should name. */
export function versionCommand(context: CommandContext): Command {
  return new Command('version')
    .description('print the versions of promptos, its prompt pack, the Temporal SDK and Node.js')
    .addHelpText('after', '\nExample:\n  promptos version --json')
    .action(async () => {
      const { builtInPackDir, readPromptPack } = await import('../../config/prompt-pack.js');
      const { prompt_os_version, digest } = await readPromptPack(builtInPackDir(), context.env);
      const [promptos, temporal_sdk] = [ownVersion(), sdkVersion()];
      const node = process.versions.node;
      const output = context.output();
      output.say(`promptos      ${promptos}`);
      output.say(`prompt pack   ${prompt_os_version} (${digest.slice(0, 12)}…)`);
      output.say(`Temporal SDK  ${temporal_sdk}`);
      output.say(`Node.js       ${node}`);
      output.emit({ promptos, prompt_pack: prompt_os_version, prompt_pack_sha256: digest, temporal_sdk, node });
    });
}
