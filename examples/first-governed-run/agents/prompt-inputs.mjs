// What the three agents share: reading the rendered prompt on standard input, and answering on standard output.

const BLOCK = /^<<<PROMPTOS-DATA ([a-z_]+)>>>\n([\s\S]*?)\n<<<END PROMPTOS-DATA \1>>>$/gm;

/**
 * The data blocks of a rendered prompt, by name. Only text after the `# Inputs` heading counts, since the
 * texts before it may show such a block as an example; data cannot forge a marker, since its JSON holds no raw `<`.
 *
 * @param {string} prompt
 * @returns {Record<string, any>}
 */
export function parsePromptInputs(prompt) {
  const start = prompt.lastIndexOf('\n# Inputs\n');
  if (start === -1) throw new Error('the prompt has no "# Inputs" section');
  const inputs = {};
  for (const [, name, json] of prompt.slice(start).matchAll(BLOCK)) {
    if (Object.hasOwn(inputs, name)) throw new Error(`the prompt has two blocks named "${name}"`);
    inputs[name] = JSON.parse(json);
  }
  return inputs;
}

/** Reads standard input to its end and takes the data blocks out of it. */
export async function readPromptInputs() {
  let prompt = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) prompt += chunk;
  return parsePromptInputs(prompt);
}

/**
 * Does the gate that the environment names and prints the one answer. An agent that cannot do its work says why on
 * standard error and exits with 1; it never makes up an answer.
 *
 * @param {Record<string, (inputs: Record<string, any>) => object | Promise<object>>} gates
 */
export async function answerGate(gates) {
  const gate = process.env.PROMPTOS_GATE ?? '';
  try {
    const work = Object.hasOwn(gates, gate) ? gates[gate] : undefined;
    if (work === undefined) throw new Error(`asked to do gate "${gate}"; does ${Object.keys(gates).join(', ')}`);
    const answer = await work(await readPromptInputs());
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** An answer that gives the gate's output. */
export const output = (fields) => ({ kind: 'output', ...fields });

/** An answer that stops: an integrator has to decide. */
export const escalation = (report) => ({ kind: 'escalation', report: { security_sensitive: false, ...report } });

/** An input that the gate requires. */
export function required(inputs, name) {
  const value = inputs[name];
  if (value === undefined || value === null) throw new Error(`the prompt has no input "${name}"`);
  return value;
}

/** Who pays the left-over cents, as a text says it: `first`, `last`, or null when it says neither or both. */
export function leftoverRule(text) {
  const first = /\bfirst\b/i.test(text);
  const last = /\blast\b/i.test(text);
  if (first === last) return null;
  return first ? 'first' : 'last';
}

/** Every path that a patch touches, old names of renamed files included. */
export const patchedPaths = ({ files }) => [
  ...new Set(files.flatMap(({ path, old_path, status }) => (status === 'renamed' ? [old_path, path] : [path]))),
];
