import { isAbsolute } from 'node:path';
import type { SandboxLimits } from '../../contracts/worker-config.js';
import type { OpenNetwork, ProgramStarter, Sandbox } from '../platform/program-starter.js';
import { type BubblewrapPrograms, bubblewrapArguments } from './bubblewrap-arguments.js';
import { confinePrograms } from './confine.js';
import { isWithin } from './mounts.js';
import { findProcessGroups } from './process-group.js';
import { processLimits, SPARE_PROCESSES } from './process-limits.js';
import { createShownFiles, type ShownFilesOptions } from './shown-files.js';
import type { SystemFiles } from './system-files.js';

/** The folder for temporary files, and the part of the memory limit that its files may take. */
const TEMPORARY = '/tmp';
const TEMPORARY_SHARE = 4;

export interface BubblewrapOptions extends Omit<ShownFilesOptions, 'system'> {
  /** What starts the sandboxes. */
  readonly programs: ProgramStarter;
  readonly tools: BubblewrapPrograms;
  readonly system: SystemFiles;
  readonly limits: SandboxLimits;
  readonly openNetwork?: OpenNetwork | undefined;
}

/** Runs each program that has a reach in a bubblewrap sandbox of its own, on Linux. */
export function createBubblewrap(options: BubblewrapOptions): Sandbox {
  const { programs, tools, system, limits, openNetwork } = options;
  const show = createShownFiles({ ...options, system: system.mounts });
  const temporaryBytes = Math.max(1, Math.floor(limits.memory_bytes / TEMPORARY_SHARE));
  const ofProcesses = processLimits(limits);
  const makeGroup = process.getuid?.() === 0 ? findProcessGroups() : null;
  return confinePrograms({
    ...{ kind: 'bubblewrap', programs, limits, openNetwork, guard: true },
    commandLine: async (program, network) => {
      const { executable, mounts, writable, isShown } = await show(program, network);
      const { argv, cwd, env, reach } = program;
      const hostNetwork = reach.network === 'full';
      const temporary = temporaryFolders(env.TMPDIR, isShown);
      const command = bubblewrapArguments(tools, {
        mounts: hostNetwork ? [...system.nameServers, ...mounts] : mounts,
        ...{ directory: cwd, temporary, temporaryBytes, hostNetwork, limits: ofProcesses },
        argv: [...(network?.relay ?? []), executable, ...argv.slice(1)],
      });
      const group = makeGroup?.(limits.processes + SPARE_PROCESSES);
      return { argv: group?.within(command) ?? command, writable, temporary, ended: group?.remove };
    },
  });
}

/** `/tmp`, and what the program's own environment names in its place. */
function temporaryFolders(named: string | undefined, isShown: (path: string) => boolean): readonly string[] {
  const own = named !== undefined && isAbsolute(named) && !isWithin(named, TEMPORARY) && !isShown(named);
  return own ? [TEMPORARY, named] : [TEMPORARY];
}
