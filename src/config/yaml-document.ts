import { PromptOsError } from '../contracts/errors.js';
import { endSentence } from '../contracts/sentences.js';
import { type LocatedDocument, parseLocatedYaml } from '../prompt-pack/located-document.js';

/** A file of configuration is never larger; a larger one is a mistake or an attack. */
const MAX_BYTES = 1_048_576;

export interface YamlDocument extends LocatedDocument {
  readonly name: string;
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  if (bytes.byteLength > MAX_BYTES) {
    throw new PromptOsError(
      'YAML_MALFORMED',
      `${name}: expected at most ${MAX_BYTES} bytes, received ${bytes.byteLength}.`,
      { hint: 'Give a smaller file.' },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PromptOsError('YAML_MALFORMED', `${name}: expected UTF-8 text, received other bytes.`, {
      cause: error,
      hint: 'Save the file as UTF-8.',
    });
  }
}

/**
 * Parses one YAML document.
 * @param name what messages call the file
 * @throws PromptOsError YAML_MALFORMED with `name:line:column` of every problem
 */
export function parseYaml(bytes: Uint8Array, name: string): YamlDocument {
  const parsed = parseLocatedYaml(decodeUtf8(bytes, name));
  if (parsed.ok) return { name, ...parsed.document };
  const problems = parsed.problems.map(({ line, column, message }) =>
    endSentence(`${name}:${line}:${column}: ${message}`),
  );
  throw new PromptOsError('YAML_MALFORMED', problems.join('\n'));
}
