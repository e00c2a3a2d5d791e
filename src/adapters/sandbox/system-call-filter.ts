/** A seccomp(2) filter, as `bwrap --seccomp` reads it. */
export interface SystemCallFilter {
  readonly program: Uint8Array;
}

/** One instruction set of a processor: how the kernel names it, and its numbers of the refused calls. */
interface InstructionSet {
  readonly audit: number;
  /** `add_key`, `request_key` and `keyctl`, which follow each other. */
  readonly first: number;
}

const KEY_CALLS = 3;
/** By processor, as node names it: its own instruction set, and that of the 32-bit programs that it runs too. */
const INSTRUCTION_SETS: Readonly<Partial<Record<NodeJS.Architecture, readonly InstructionSet[]>>> = {
  x64: [
    { audit: 0xc000_003e, first: 248 },
    { audit: 0x4000_0003, first: 286 },
  ],
  arm64: [
    { audit: 0xc000_00b7, first: 217 },
    { audit: 0x4000_0028, first: 309 },
  ],
};
/** Programs of the x32 kind have the numbers of x64 with this bit. */
const X32_BIT = 0x4000_0000;

const [LOAD, MASK, IF_EQUAL, IF_AT_LEAST, RETURN] = [0x20, 0x54, 0x15, 0x35, 0x06];
const [NUMBER, ARCHITECTURE] = [0, 4];
const ALLOWED = 0x7fff_0000;
const REFUSED = 0x0005_0001;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * Refuses the calls for keys of the kernel with EPERM. No namespace separates keyrings: a program would have the keys that
 * the worker's login put there, such as passwords and tickets.
 * @returns null for a processor whose numbers are not known
 */
export function systemCallFilter(processor: NodeJS.Architecture = process.arch): SystemCallFilter | null {
  const sets = INSTRUCTION_SETS[processor];
  if (sets === undefined) return null;
  const instructions: Instruction[] = sets.flatMap(({ audit, first }): Instruction[] => [
    [LOAD, 0, 0, ARCHITECTURE],
    [IF_EQUAL, 0, 6, audit],
    [LOAD, 0, 0, NUMBER],
    [MASK, 0, 0, ~X32_BIT >>> 0],
    [IF_AT_LEAST, 0, 2, first],
    [IF_AT_LEAST, 1, 0, first + KEY_CALLS],
    [RETURN, 0, 0, REFUSED],
    [RETURN, 0, 0, ALLOWED],
  ]);
  instructions.push([RETURN, 0, 0, ALLOWED]);
  const program = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    const at = index * 8;
    program.writeUInt16LE(code, at);
    program.writeUInt8(ifTrue, at + 2);
    program.writeUInt8(ifFalse, at + 3);
    program.writeUInt32LE(value, at + 4);
  }
  return { program };
}
