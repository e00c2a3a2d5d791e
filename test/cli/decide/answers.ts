import type { Choice, Questions } from '../../../src/cli/app/questions.js';

/** One answer that a test has ready: the question must match, and a choice must be among those offered. */
export type Answer = readonly [question: RegExp, answer: string | boolean | null];

export interface ScriptedAnswers extends Questions {
  /** What was offered at each choice, in order. */
  readonly offered: readonly (readonly string[])[];
  /** What was suggested for each text. */
  readonly suggested: readonly (string | undefined)[];
  /** Throws when an answer was not asked for. */
  done(): void;
}

/** A person who answers by a script; any other question throws. */
export function scriptedAnswers(...script: readonly Answer[]): ScriptedAnswers {
  const left = [...script];
  const offered: string[][] = [];
  const suggested: (string | undefined)[] = [];
  const next = (message: string): string | boolean | null => {
    const [question, answer] = left.shift() ?? [/^nothing more$/, null];
    if (!question.test(message)) throw new Error(`asked "${message}" where ${question} was expected`);
    return answer;
  };
  return {
    offered,
    suggested,
    choose: async <Value extends string>(message: string, choices: readonly Choice<Value>[]) => {
      const values = choices.map(({ value }) => value);
      offered.push(values);
      const answer = next(message);
      if (answer !== null && !values.includes(answer as Value)) throw new Error(`"${answer}" was not offered`);
      return answer as Value | null;
    },
    write: async (message, suggestion) => {
      suggested.push(suggestion);
      return next(message) as string | null;
    },
    confirm: async (message) => next(message) as boolean | null,
    done: () => {
      if (left.length > 0) throw new Error(`never asked: ${left[0]?.[0]}`);
    },
  };
}
