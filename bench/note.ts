import process from 'node:process';

/** A line for the person who runs the bench; standard output holds the figures alone. */
export const note = (text: string): void => void process.stderr.write(`${text}\n`);
