import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { OpenNetwork, ProgramStarter, Sandbox } from '../platform/program-starter.js';
import { confinePrograms } from './confine.js';
import { followed, type Mount } from './mounts.js';
import { seatbeltProfile } from './seatbelt-profile.js';
import { createShownFiles, type ShownFilesOptions } from './shown-files.js';

/** `ulimit -f` counts in blocks. */
const BLOCK_BYTES = 512;
/** The system, which the profile itself makes readable. */
const SYSTEM: readonly Mount[] = ['/System', '/usr', '/bin', '/sbin', '/Library', '/opt', '/etc', '/dev'].map(
  (path) => ({
    kind: 'readable',
    path,
  }),
);

export interface SandboxExecOptions extends Omit<ShownFilesOptions, 'system'> {
  readonly programs: ProgramStarter;
  /** The absolute path of sandbox-exec. */
  readonly sandboxExec: string;
  readonly limits: SandboxLimits;
  readonly openNetwork?: OpenNetwork | undefined;
}

/** Runs each program that has a reach under a profile of sandbox-exec(1), on macOS. */
export function createSandboxExec(options: SandboxExecOptions): Sandbox {
  const { programs, sandboxExec, limits, openNetwork } = options;
  const show = createShownFiles({ ...options, system: SYSTEM });
  const fileBlocks = Math.ceil(limits.file_bytes / BLOCK_BYTES);
  const script = `ulimit -c 0 -t ${limits.cpu_seconds} -f ${fileBlocks}; exec "$@"`;
  return confinePrograms({
    ...{ kind: 'sandbox-exec', programs, limits, openNetwork, guard: false },
    commandLine: async (program, network) => {
      const { executable, mounts, writable } = await show(program, network);
      const of = (kind: Mount['kind']) =>
        mounts.filter((mount) => mount.kind === kind && !SYSTEM.includes(mount)).map(({ path }) => followed(path));
      const access = program.reach.network;
      const [temporary] = program.reach.writable;
      const profile = seatbeltProfile({
        readable: [...of('readable'), ...of('link')],
        writable: of('writable'),
        hidden: of('hidden'),
        network: network === null && typeof access === 'string' ? access : { socket: network?.socket ?? '' },
      });
      const command = [...(network?.relay ?? []), executable, ...program.argv.slice(1)];
      return {
        argv: [sandboxExec, '-p', profile, '/bin/sh', '-c', script, 'sh', ...command],
        // The folder that macOS gives every user is not shown.
        env: temporary === undefined ? program.env : { ...program.env, TMPDIR: temporary },
        writable,
        temporary: [],
      };
    },
  });
}
