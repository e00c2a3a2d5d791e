import { fileURLToPath } from 'node:url';

/** Programs of ours that run in the sandbox, each a file of its own that the build makes from `src/boxed/NAME`. */
export type BoxedProgram = 'acp' | 'model';

/** The command line of such a program: the sandbox shows the file, since the command line names it. */
export const boxedProgram = (name: BoxedProgram): readonly [string, string] => [
  process.execPath,
  fileURLToPath(new URL(`../../../../dist/boxed/${name}.js`, import.meta.url)),
];
