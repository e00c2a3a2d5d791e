import type { AskAwaited } from '../show-run.js';

/** For `run watch --as`: loads the questions only when there is something to ask. */
export const askOnTerminal: AskAwaited = async (asked, awaited) => {
  const { askAwaited } = await import('../ask-decision.js');
  await askAwaited(asked, awaited);
};
