import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerJsonSchema, decoderJsonSchema } from '../../contracts/answers/answer-schema.js';
import type { CommandExecutorConfig } from '../../contracts/config/executor-config.js';
import { fillPlaceholders, type Placeholder, placeholdersOf } from '../../contracts/config/placeholders.js';
import { prettyJson } from '../../contracts/json.js';
import type { ExecutorCall } from '../../ports/gate-executor.js';
import type { Scratch } from '../platform/scratch.js';

/** The files that placeholders name, with their contents. */
const FILES = {
  schema_file: { name: 'answer-schema.json', content: ({ gate }) => prettyJson(decoderJsonSchema(gate)) },
  schema_file_full: { name: 'answer-schema-full.json', content: ({ gate }) => prettyJson(answerJsonSchema(gate)) },
  prompt_file: { name: 'prompt.md', content: ({ prompt }) => prompt },
} satisfies Partial<
  Record<Placeholder, { readonly name: string; content(call: Pick<ExecutorCall, 'gate' | 'prompt'>): string }>
>;

const isFile = (placeholder: Placeholder): placeholder is keyof typeof FILES => Object.hasOwn(FILES, placeholder);

/**
 * Fills in the placeholders of one call. The files that they name are written beside the executor's own, so that no name
 * of its answer clashes with them, and only where they are named.
 */
export function createFillIn(
  { argv, env, model }: Pick<CommandExecutorConfig, 'argv' | 'env' | 'model'>,
  call: Pick<ExecutorCall, 'gate' | 'prompt'>,
  scratch: Scratch,
): (text: string) => string {
  const folder = join(scratch.root, 'given');
  const files = [...placeholdersOf([...argv, ...Object.values(env.set)])].filter(isFile);
  if (files.length > 0) mkdirSync(folder, { mode: 0o700 });
  for (const placeholder of files) {
    const { name, content } = FILES[placeholder];
    writeFileSync(join(folder, name), content(call), { mode: 0o600, flag: 'wx' });
  }
  const given = (placeholder: Placeholder): string => {
    if (isFile(placeholder)) return join(folder, FILES[placeholder].name);
    switch (placeholder) {
      case 'scratch':
        return scratch.files;
      case 'schema_json':
        return JSON.stringify(decoderJsonSchema(call.gate));
      case 'model':
        return model.requested ?? '';
    }
  };
  return (text) => fillPlaceholders(text, given);
}
