import process from 'node:process';

const { PROMPTOS_TEST_AGENT: only } = process.env;

/** Whether a test of an agent is wanted: all are, unless the variable names some, such as `claude,acp:gemini,newcomer:qwen`. */
export const isChosen = (name: string): boolean => only === undefined || only.split(',').includes(name);
