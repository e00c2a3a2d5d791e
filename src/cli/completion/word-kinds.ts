/** What a shell asks the program for: words that depend on the repository around. */
export const WORD_KINDS = ['runs', 'escalations', 'people', 'principals'] as const;
export type WordKind = (typeof WORD_KINDS)[number];

/** Options whose value is a name of the policy, whatever their help calls it. */
const OF_OPTION: Readonly<Record<string, WordKind>> = {
  '--as': 'people',
  '--decide-as': 'people',
  '--developer': 'people',
  '--integrator': 'people',
  '--for': 'principals',
};

/** By what the help of a command calls a value. */
const OF_VALUE: Readonly<Record<string, WordKind>> = {
  run: 'runs',
  'run-id': 'runs',
  'tree-or-run': 'runs',
  escalation: 'escalations',
  person: 'people',
  principal: 'principals',
};

/**
 * What completes a value, decided by the program's own definition so that a new command needs nothing of its own.
 * @param value what the help calls it, such as `run` of `<run>`
 * @param option the long name of the option that it belongs to
 */
export function wordKindOf(value: string, option: string | null): WordKind | null {
  if (option !== null && Object.hasOwn(OF_OPTION, option)) return OF_OPTION[option] ?? null;
  return Object.hasOwn(OF_VALUE, value) ? (OF_VALUE[value] ?? null) : null;
}
