import { createPrintLine } from '../print-line.js';

const print = createPrintLine([], (text) => process.stdout.write(text));
print({ type: 'start', gate: process.env.PROMPTOS_GATE });
