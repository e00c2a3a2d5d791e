import process from 'node:process';

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

export const terminalQuestions: Questions = {
  choose: async (message, choices, initial) => {
    const { isCancel, select } = await import('@clack/prompts');
    const options = choices.map((choice) => ({ ...choice }));
    const answer = await select<string>({
      message,
      options,
      ...(initial === undefined ? {} : { initialValue: initial }),
    });
    return isCancel(answer) ? breakOff() : (answer as (typeof choices)[number]['value']);
  },
  write: async (message, suggestion) => {
    const { isCancel, text } = await import('@clack/prompts');
    const answer = await text({
      message,
      ...(suggestion === undefined ? {} : { initialValue: suggestion.replaceAll(/\s+/g, ' ') }),
      validate: (given) => ((given ?? '').trim() === '' ? 'Some words, please.' : undefined),
    });
    return isCancel(answer) ? breakOff() : answer.trim();
  },
  confirm: async (message) => {
    const { confirm, isCancel } = await import('@clack/prompts');
    const answer = await confirm({ message, initialValue: false });
    return isCancel(answer) ? breakOff() : answer;
  },
};

/** While a question is open the terminal sends no signal for Ctrl-C; it means the same there as everywhere. */
function breakOff(): null {
  process.kill(process.pid, 'SIGINT');
  return null;
}
