import { constants } from 'node:os';
import type { SandboxLimits } from '../../contracts/config/sandbox-config.js';
import type { ProgramEnd } from '../platform/program-starter.js';

/** The guard ends with 128 plus the signal that ended the program. */
const SIGNAL_BASE = 128;
/** Those that end a program against its will. A program may well choose the code of another, such as git's 129. */
const FATAL: readonly NodeJS.Signals[] = [
  ...(['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGSEGV', 'SIGTERM'] as const),
  ...(['SIGXCPU', 'SIGXFSZ', 'SIGSYS'] as const),
];

/** How the program in a sandbox ended, from how its guard did, and why it was stopped. */
export function endInside({ code, signal }: ProgramEnd, stopped: string | null, limits: SandboxLimits): ProgramEnd {
  const inside = FATAL.find((name) => code === SIGNAL_BASE + constants.signals[name]);
  const end: ProgramEnd = inside === undefined ? { code, signal } : { code: null, signal: inside };
  const why = stopped ?? kernelLimit(end.signal, limits);
  return why === null ? end : { ...end, stopped: why };
}

function kernelLimit(signal: string | null, { cpu_seconds, file_bytes }: SandboxLimits): string | null {
  if (signal === 'SIGXCPU') return `it used more than ${cpu_seconds} s of processor time (sandbox.limits.cpu_seconds)`;
  if (signal === 'SIGXFSZ') return `it wrote a file of more than ${file_bytes} bytes (sandbox.limits.file_bytes)`;
  return null;
}
