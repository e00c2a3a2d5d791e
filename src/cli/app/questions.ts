import { interrupt } from './stop-signals.js';

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string;
}

/** What is asked on a terminal. Null: the person broke off. */
export interface Questions {
  choose<Value extends string>(
    message: string,
    choices: readonly Choice<Value>[],
    initial?: Value,
  ): Promise<Value | null>;
  /** Some text, never blank. */
  write(message: string, suggestion?: string): Promise<string | null>;
  confirm(message: string): Promise<boolean | null>;
}

type Clack = typeof import('@clack/prompts');

/** Asks one question on the terminal. Null: the person broke off. */
export async function askOnce<T>(question: (clack: Clack) => Promise<T>): Promise<Exclude<T, symbol> | null> {
  const clack = await import('@clack/prompts');
  const answer = await question(clack);
  return clack.isCancel(answer) ? null : (answer as Exclude<T, symbol>);
}

export const terminalQuestions: Questions = {
  choose: async <Value extends string>(message: string, choices: readonly Choice<Value>[], initial?: Value) => {
    const options = choices.map((choice) => ({ ...choice }));
    const first = initial === undefined ? {} : { initialValue: initial };
    return ((await askOnce(({ select }) => select<string>({ message, options, ...first }))) as Value) ?? breakOff();
  },
  write: async (message, suggestion) => {
    const initial = suggestion === undefined ? {} : { initialValue: suggestion.replaceAll(/\s+/g, ' ') };
    const validate = (given = '') => (given.trim() === '' ? 'Some words, please.' : undefined);
    const answer = await askOnce(({ text }) => text({ message, ...initial, validate }));
    return answer === null ? breakOff() : answer.trim();
  },
  confirm: async (message) => (await askOnce(({ confirm }) => confirm({ message, initialValue: false }))) ?? breakOff(),
};

function breakOff(): null {
  interrupt();
  return null;
}
