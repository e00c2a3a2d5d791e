import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';

/** From the signal that a program may handle to the one that ends it. */
const CPU_GRACE_SECONDS = 5;
/** Since this version the kernel counts the processes of a user namespace by themselves. */
const COUNTS_NAMESPACES = [5, 14] as const;
/** The kernel refuses more than the limit and these, so that a watch sees the limit exceeded. */
export const SPARE_PROCESSES = 32;

/** The limits that the kernel keeps for each process, as prlimit(1) takes them. */
export function processLimits(limits: SandboxLimits): readonly string[] {
  const most = hardLimits();
  const within = (name: string, value: number): number => Math.min(value, most.get(name) ?? value);
  const cpu = within('Max cpu time', limits.cpu_seconds);
  return [
    '--core=0:0',
    `--cpu=${cpu}:${within('Max cpu time', cpu + CPU_GRACE_SECONDS)}`,
    `--fsize=${within('Max file size', limits.file_bytes)}`,
    // An older kernel would count every process of the user.
    ...(kernelIsAtLeast(COUNTS_NAMESPACES)
      ? [`--nproc=${within('Max processes', limits.processes + SPARE_PROCESSES)}`]
      : []),
  ];
}

/** What this process may not exceed, and so no program that it starts. */
function hardLimits(): ReadonlyMap<string, number> {
  const lines = readFileSync('/proc/self/limits', 'latin1').matchAll(/^(Max [a-z ]+?) {2,}\S+ +(\d+)/gm);
  return new Map([...lines].map(([, name = '', hard]) => [name, Number(hard)]));
}

function kernelIsAtLeast([major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
