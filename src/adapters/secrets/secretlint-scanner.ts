import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { createEngine } from '@secretlint/node';
import { PromptOsError } from '../../contracts/errors.js';
import { parseJson } from '../../contracts/json.js';
import type { SecretHit, SecretScanner } from '../../ports/secret-scanner.js';

const PRESET = '@secretlint/secretlint-rule-preset-recommend';
/** Comments that switch rules off: an author could exempt their own text. The preset's option to ignore them has no effect. */
const DIRECTIVE = /secretlint-(?=disable|enable)/gi;

/** Rules that take whatever is in a URL for a password, those of documents and of localhost included. */
const TAKES_ANY_PASSWORD = /basicauth|database-connection-string/;

/** What the JSON formatter of secretlint prints for one text, as far as it is read here. */
interface SecretlintResult {
  readonly messages: readonly {
    readonly ruleId: string;
    readonly messageId: string;
    readonly loc: { readonly start: { readonly line: number } };
  }[];
}

/**
 * Secretlint's recommended rules, run in this process on texts. No configuration file is looked for, and comments in a
 * text cannot switch a rule off. A hit names the kind of the secret and never quotes it.
 */
export function createSecretlintScanner(): SecretScanner {
  let engine: ReturnType<typeof createEngine> | undefined;
  const start = async () => {
    // Loaded when the first patch is judged: it takes longer than all else that a command loads of ours.
    const secretlint = await import('@secretlint/node');
    return secretlint.createEngine({
      // Rules are looked up from here, so the preset next to this package is found whatever the current folder is.
      cwd: dirname(createRequire(import.meta.url).resolve(`${PRESET}/package.json`)),
      formatter: 'json',
      color: false,
      maskSecrets: true,
      configFileJSON: { rules: [{ id: PRESET }] },
    });
  };
  return {
    scan: async (files) => {
      engine ??= start();
      const { executeOnContent } = await engine;
      const hits: SecretHit[] = [];
      for (const { path, text } of files) {
        const content = text.replace(DIRECTIVE, 'secretlint_');
        const { output } = await executeOnContent({ content, filePath: label(path) });
        hits.push(...readHits(path, output));
      }
      return hits;
    },
  };
}

/**
 * The name that rules see; nothing is read from disk. Ordinary characters only: secretlint's profiler fails on others,
 * in a promise that no caller can catch.
 */
const label = (path: string): string => `/${path.replace(/[^A-Za-z0-9._/-]/g, '_')}`;

/** A text that could not be scanned must not pass for a clean one. */
function readHits(path: string, output: string): readonly SecretHit[] {
  const results = output === '' ? [] : parseJson(output);
  if (!Array.isArray(results)) {
    throw new PromptOsError('INTERNAL', `secretlint: expected a list of results for ${path}, received something else.`);
  }
  return (results as readonly SecretlintResult[]).flatMap(({ messages }) =>
    messages.map(({ ruleId, messageId, loc }) => ({
      rule: ruleId,
      path,
      line: loc.start.line,
      message: `looks like a credential (${messageId})`,
      confidence: TAKES_ANY_PASSWORD.test(ruleId) ? ('candidate' as const) : ('known' as const),
    })),
  );
}
