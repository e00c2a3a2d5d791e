/** A line of the transcript. */
export type Line = Readonly<Record<string, unknown>> & { readonly type: string };

/** Prints one line of JSON on standard output. */
export type PrintLine = (line: Line) => void;

/**
 * How a boxed program prints what it does: JSON Lines on standard output, which the worker keeps as the transcript.
 * @param secrets values that are masked, such as a key of the model service
 */
export function createPrintLine(secrets: readonly string[], write: (text: string) => void): PrintLine {
  const masked = secrets.filter((secret) => secret !== '').map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => {
    const text = JSON.stringify(line).toWellFormed();
    write(`${masked.reduce((safe, secret) => safe.replaceAll(secret, '[masked]'), text)}\n`);
  };
}
