import type { ModelMessage } from 'ai';
import { findAnswer, unwrapAnswer } from '../../contracts/answers/answer-text.js';
import { lastFencedBlock } from '../../contracts/answers/fenced-blocks.js';
import { readAnswer } from '../../contracts/answers/read-answer.js';
import type { GateId } from '../../contracts/names.js';
import { askModel, type Conversation, type Reply } from './ask-model.js';
import { applyDiff } from './files/apply-diff.js';
import { Refused } from './files/checkout-path.js';
import { applyFileBlocks } from './files/write-file.js';
import { ASK_FOR_ANSWER, askAgain, askForEditsAgain, type WayOfWork } from './instructions.js';
import { ModelFailure } from './model-failure.js';
import { toolsFor } from './tools.js';

export interface GateWork {
  readonly gate: GateId;
  readonly way: WayOfWork;
  readonly prompt: string;
  /** The checkout, as `realpath` gives it. */
  readonly root: string;
  /** The JSON Schema of the answer. */
  readonly schema: object;
}

/**
 * Does a gate: the work with the files where there is any, then the answer in its form. An answer that cannot be read is
 * asked for once more here, which costs no new session; further tries are the worker's.
 * @returns the text of the answer, which may still be unusable: the worker judges it
 * @throws ModelFailure
 */
export async function doGate(conversation: Conversation, work: GateWork): Promise<string> {
  const { gate, schema } = work;
  const asked: readonly ModelMessage[] = [user(work.prompt)];
  const worked = await doWork(conversation, work, asked);
  const given = worked === null ? null : answerIn(gate, worked.text);
  if (given?.problem === null) return given.text;
  const messages = worked === null ? asked : [...worked.messages, user(ASK_FOR_ANSWER)];
  const first = await askModel(conversation, { messages, schema, reserve: 1 });
  const answer = answerIn(gate, first.text);
  if (answer.problem === null || conversation.stepsLeft < 1) return answer.text;
  conversation.print({ type: 'repair', problem: answer.problem });
  const again = [...first.messages, user(askAgain(answer.problem))];
  return answerIn(gate, (await askModel(conversation, { messages: again, schema })).text).text;
}

const user = (content: string): ModelMessage => ({ role: 'user', content });

/** What comes before the answer alone; null for a gate whose answer is all. */
async function doWork(
  conversation: Conversation,
  { gate, way, root }: GateWork,
  messages: readonly ModelMessage[],
): Promise<Reply | null> {
  const tools = toolsFor(way, root);
  switch (way) {
    case 'answer':
      return null;
    case 'look':
    case 'edit_by_tools':
      return askModel(conversation, { messages, ...(tools === null ? {} : { tools }), reserve: 1 });
    case 'edit_by_diff':
      return editByText(conversation, gate, messages, (text) => applyDiff(root, diffIn(text)));
    case 'edit_by_files':
      return editByText(conversation, gate, messages, (text) => filesIn(root, text));
  }
}

/** Asks for a text with edits, makes them, and asks once more when they cannot be made. */
async function editByText(
  conversation: Conversation,
  gate: GateId,
  messages: readonly ModelMessage[],
  apply: (text: string) => readonly string[],
): Promise<Reply> {
  const { print } = conversation;
  const attempt = (reply: Reply): string | null => {
    if (isEscalation(gate, reply.text)) return null;
    try {
      print({ type: 'edits', files: apply(reply.text) });
      return null;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      print({ type: 'edits_refused', message: error.message });
      return error.message;
    }
  };
  const first = await askModel(conversation, { messages, reserve: 1 });
  const problem = attempt(first);
  if (problem === null) return first;
  const second = await askModel(conversation, { messages: [...first.messages, user(askForEditsAgain(problem))] });
  const left = attempt(second);
  if (left !== null) throw new ModelFailure('bad_answer', `The model's edits cannot be made: ${left}`);
  return second;
}

function diffIn(text: string): string {
  const block = lastFencedBlock(text, 'diff') ?? lastFencedBlock(text, 'patch');
  if (block !== null) return block;
  if (!/^--- /m.test(text)) throw new Refused('There is no closed block that is fenced with ```diff.');
  return text.replace(/^```[\s\S]*/m, '');
}

function filesIn(root: string, text: string): readonly string[] {
  const files = applyFileBlocks(root, text);
  if (files.length === 0) throw new Refused('There is no block of a file: expected a line <file path="…">.');
  return files;
}

const isEscalation = (gate: GateId, text: string): boolean =>
  readAnswer(gate, unwrapAnswer(findAnswer(text) ?? '')).kind === 'escalation';

interface FoundAnswer {
  readonly text: string;
  /** Why it cannot be used, or null. */
  readonly problem: string | null;
}

function answerIn(gate: GateId, text: string): FoundAnswer {
  const found = findAnswer(text);
  if (found === null) {
    return {
      text,
      problem: text.trim() === '' ? 'It is empty.' : 'It holds no JSON object, or one that is not closed.',
    };
  }
  const answer = unwrapAnswer(found);
  const read = readAnswer(gate, answer);
  return { text: answer, problem: read.kind === 'unusable' ? read.problem : null };
}
