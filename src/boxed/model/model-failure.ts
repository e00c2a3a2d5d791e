/** Why the model gave no answer, as the worker's rules for this executor read it from the last line. */
export class ModelFailure extends Error {
  constructor(
    readonly failureClass: 'transient' | 'authentication' | 'configuration' | 'budget' | 'bad_answer',
    message: string,
    /** How long the service says to wait, as it says it: seconds, a duration such as `1500ms`, or a date. */
    readonly retryAfter: string | null = null,
  ) {
    super(message);
  }
}
