import { type Content, isLong } from '../../src/contracts/long-bytes.js';

/** A short output of a program. @throws Error when it is long */
export function printed(output: Content): Uint8Array {
  if (isLong(output)) throw new Error('expected a short output');
  return output;
}

export const printedText = (output: Content): string => Buffer.from(printed(output)).toString();
