/** A seccomp(2) filter, as `bwrap --seccomp` reads it. */
export interface SystemCallFilter {
  readonly program: Uint8Array;
}

/** One instruction set of a processor: how the kernel names it, and its numbers of system calls. */
interface InstructionSet {
  readonly audit: number;
  /** `add_key`, `request_key` and `keyctl`, which follow each other. */
  readonly keys: number;
  readonly shmget: number;
  /** One call for several, among them `shmget`. */
  readonly ipc?: number;
}

const KEY_CALLS = 3;
const SHMGET_OF_IPC = 23;
/** By processor, as node names it: its own instruction set, and that of the 32-bit programs that it runs too. */
const INSTRUCTION_SETS: Readonly<Partial<Record<NodeJS.Architecture, readonly InstructionSet[]>>> = {
  x64: [
    { audit: 0xc000_003e, keys: 248, shmget: 29 },
    { audit: 0x4000_0003, keys: 286, shmget: 395, ipc: 117 },
  ],
  arm64: [
    { audit: 0xc000_00b7, keys: 217, shmget: 194 },
    { audit: 0x4000_0028, keys: 309, shmget: 307 },
  ],
};
/** Programs of the x32 kind have the numbers of x64 with this bit. */
const X32_BIT = 0x4000_0000;

/** Of one segment. A sandbox has 4096 at most (`kernel.shmmni`), and what PostgreSQL makes is smaller. */
const MAX_SEGMENT_BYTES = 64 * 1_024;

const [LOAD, MASK, IF_EQUAL, IF_AT_LEAST, RETURN] = [0x20, 0x54, 0x15, 0x35, 0x06];
const [NUMBER, ARCHITECTURE] = [0, 4];
/** The lower half of an argument; the upper one follows. */
const argument = (index: number): number => 16 + 8 * index;
const ALLOWED = 0x7fff_0000;
const refusedWith = (errno: number): number => 0x0005_0000 + errno;
const [EPERM, EINVAL] = [1, 22];

/** The jumps are counted from the next instruction on. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const loadNumber: readonly Instruction[] = [
  [LOAD, 0, 0, NUMBER],
  [MASK, 0, 0, ~X32_BIT >>> 0],
];

const ALLOW: Instruction = [RETURN, 0, 0, ALLOWED];

/** Each part goes on after its end when the call is none of its own. */
function judgeCall({ keys, shmget, ipc }: InstructionSet): readonly Instruction[] {
  const ofIpc: readonly Instruction[] =
    ipc === undefined
      ? []
      : [
          ...loadNumber,
          [IF_EQUAL, 0, 6, ipc],
          [LOAD, 0, 0, argument(0)],
          [MASK, 0, 0, 0xffff],
          [IF_EQUAL, 0, 3, SHMGET_OF_IPC],
          [LOAD, 0, 0, argument(2)],
          [IF_AT_LEAST, 0, 1, MAX_SEGMENT_BYTES + 1],
          [RETURN, 0, 0, refusedWith(EINVAL)],
        ];
  return [
    ...loadNumber,
    [IF_AT_LEAST, 0, 2, keys],
    [IF_AT_LEAST, 1, 0, keys + KEY_CALLS],
    [RETURN, 0, 0, refusedWith(EPERM)],
    [IF_EQUAL, 0, 5, shmget],
    [LOAD, 0, 0, argument(1) + 4],
    [IF_EQUAL, 0, 2, 0],
    [LOAD, 0, 0, argument(1)],
    [IF_AT_LEAST, 0, 1, MAX_SEGMENT_BYTES + 1],
    [RETURN, 0, 0, refusedWith(EINVAL)],
    ...ofIpc,
    ALLOW,
  ];
}

/**
 * Refuses two things that no namespace and no limit covers:
 * - keys of the kernel, with EPERM. A program would have what the worker's login keeps there, such as passwords and tickets.
 * - large segments of System V shared memory, with EINVAL as for a size above the machine's. A segment that no process has
 * attached is memory of none, so that no watch sees it.
 * @returns null for a processor whose numbers are not known
 */
export function systemCallFilter(processor: NodeJS.Architecture = process.arch): SystemCallFilter | null {
  const sets = INSTRUCTION_SETS[processor];
  if (sets === undefined) return null;
  const instructions = sets.flatMap((set): readonly Instruction[] => {
    const judge = judgeCall(set);
    return [[LOAD, 0, 0, ARCHITECTURE], [IF_EQUAL, 0, judge.length, set.audit], ...judge];
  });
  const program = Buffer.alloc((instructions.length + 1) * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of [...instructions, ALLOW].entries()) {
    const at = index * 8;
    program.writeUInt16LE(code, at);
    program.writeUInt8(ifTrue, at + 2);
    program.writeUInt8(ifFalse, at + 3);
    program.writeUInt32LE(value, at + 4);
  }
  return { program };
}
