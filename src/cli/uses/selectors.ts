import { PromptOsError } from '../../contracts/errors.js';
import { PROMPT_IDS, type PromptId } from '../../contracts/names.js';
import type { RunUses } from './run-uses.js';

/** What a run must have used to be listed; several must all hold. */
export interface UseOptions {
  /** `P05`, `P05@1.0.0` or `P05@sha256:…`. */
  readonly prompt?: readonly string[];
  /** `v1.2.3` or `sha256:…`. */
  readonly pack?: readonly string[];
  /** `sha256:…`. */
  readonly policy?: readonly string[];
  readonly model?: readonly string[];
}

export const USE_KINDS = ['prompt', 'pack', 'policy', 'model'] as const;
type UseKind = (typeof USE_KINDS)[number];

/** Whether a run used something. */
export type UseTest = (uses: RunUses) => boolean;

/** A SHA-256 or at least eight digits of its beginning. */
const DIGEST = /^(?:sha256:)?([0-9a-f]{8,64})$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;

const READERS: Readonly<Record<UseKind, (value: string) => UseTest>> = {
  prompt: readPrompt,
  pack: readPack,
  policy: (value) => {
    const digest = digestOf(value);
    if (digest === null) throw expected('policy', 'the digest of a policy, sha256:… with 8 digits or more', value);
    return ({ policy_sha256 }) => policy_sha256?.startsWith(digest) === true;
  },
  model: (value) => {
    if (value.trim() === '') throw expected('model', 'the name of a model', value);
    return ({ models }) => models.includes(value);
  },
};

/** One test for all that is asked. @throws PromptOsError USAGE for a selector that can select nothing */
export function readUses(options: UseOptions): UseTest {
  const tests = USE_KINDS.flatMap((kind) => (options[kind] ?? []).map((value) => READERS[kind](value)));
  return (uses) => tests.every((test) => test(uses));
}

/** `prompt=P05@1.0.0` and so on, as one option takes them. @throws PromptOsError USAGE */
export function readUsing(using: readonly string[]): UseOptions {
  const options: Partial<Record<UseKind, string[]>> = {};
  for (const text of using) {
    const [kind = '', ...rest] = text.split('=');
    const known = USE_KINDS.find((name) => name === kind);
    if (known === undefined || rest.length === 0) {
      throw new PromptOsError('USAGE', `--using: expected ${USE_KINDS.join('=…, ')}=…, received "${text}".`);
    }
    options[known] = [...(options[known] ?? []), rest.join('=')];
  }
  return options;
}

/** Whether anything is asked at all. */
export const asksForUses = (options: UseOptions): boolean => USE_KINDS.some((kind) => (options[kind] ?? []).length > 0);

function readPrompt(value: string): UseTest {
  const [id = '', version, ...more] = value.split('@');
  const known = PROMPT_IDS.find((one): one is PromptId => one === id);
  const digest = version === undefined ? null : digestOf(version);
  if (known === undefined || more.length > 0 || (version !== undefined && !VERSION.test(version) && digest === null)) {
    throw expected('prompt', `one of ${PROMPT_IDS.join(', ')}, with a version or a digest such as P05@1.0.0`, value);
  }
  return ({ prompts }) =>
    prompts.some(
      (prompt) =>
        prompt.prompt_id === known &&
        (version === undefined || prompt.version === version || (digest !== null && prompt.sha256.startsWith(digest))),
    );
}

function readPack(value: string): UseTest {
  // Packs have a version and a digest; the one name that they have is PromptOS.
  const wanted = value.replace(/^promptos@/i, '');
  const digest = digestOf(wanted);
  if (digest === null && !VERSION.test(wanted)) {
    throw expected('pack', 'the version or the digest of a prompt pack, such as v1.2.3', value);
  }
  return ({ pack }) =>
    pack !== null &&
    (pack.version === wanted || pack.version === `v${wanted}` || (digest !== null && pack.sha256.startsWith(digest)));
}

const digestOf = (text: string): string | null => DIGEST.exec(text)?.[1] ?? null;

const expected = (kind: UseKind, what: string, received: string): PromptOsError =>
  new PromptOsError('USAGE', `${kind}: expected ${what}, received "${received}".`);
