import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../contracts/run-status.js';
import { answerCommands, answeringName } from '../domain/run/answer-commands.js';

/** The commands that answer what is awaited. */
export const howToAnswer = (
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  program = 'promptos',
): readonly string[] =>
  answerCommands(status, awaited, answeringName(status, 'NAME')).map(({ command }) => `${program} ${command}`);
