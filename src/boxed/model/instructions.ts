import type { ModelProgram } from '../../contracts/config/model-executor.js';
import type { GateId } from '../../contracts/names.js';

/** How a model works at a gate. */
export type WayOfWork = 'answer' | 'look' | 'edit_by_tools' | 'edit_by_diff' | 'edit_by_files';

export function wayOfWork(gate: GateId, { edits }: Pick<ModelProgram, 'edits'>): WayOfWork {
  if (gate !== 'P05') return edits === 'tools' ? 'look' : 'answer';
  return edits === 'tools' ? 'edit_by_tools' : edits === 'diff' ? 'edit_by_diff' : 'edit_by_files';
}

const ANSWER = 'End with the answer that the task asks for: one JSON object, alone, with nothing before or after it.';

const INSTRUCTIONS: Readonly<Record<WayOfWork, string>> = {
  answer: `You are given a task. You see no files but those in it. ${ANSWER}`,
  look: `You are given a task. The current folder is a checkout of the repository; look at its files with the tools before you judge them. Nothing can be changed. ${ANSWER}`,
  edit_by_tools: `You are given a task. The current folder is a checkout of the repository. Read files before you change them, and make every change with the tools write_file and apply_diff: only what the tools wrote counts. You cannot run programs. ${ANSWER}`,
  edit_by_diff: `You are given a task whose edits you make by a unified diff, in one block that is fenced with \`\`\`diff: lines "--- a/path" and "+++ b/path" for each file, then hunks with three lines of context that repeat the file exactly; /dev/null as one side makes or removes a file. After it the answer that the task asks for, in a block that is fenced with \`\`\`json. To escalate, give the answer alone.`,
  edit_by_files: `You are given a task whose edits you make by whole files: for each file that you change or make a line <file path="src/a.ts">, the whole new content, and a line </file>; to remove one, a line <delete path="src/a.ts"/>. After them the answer that the task asks for, in a block that is fenced with \`\`\`json. To escalate, give the answer alone.`,
};

export const instructionsFor = (way: WayOfWork): string => INSTRUCTIONS[way];

export const ASK_FOR_ANSWER =
  'Now give the answer that the task asks for: one JSON object, alone. No tool can be called any more.';

export const askAgain = (problem: string): string =>
  `That answer cannot be used: ${problem} Give the whole answer again: one JSON object, alone.`;

export const askForEditsAgain = (problem: string): string =>
  `The edits were not made: ${problem} Give all edits again, in the same form, with the answer after them.`;
