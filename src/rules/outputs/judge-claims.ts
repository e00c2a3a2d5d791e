import type { CheckResult, GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { GateId } from '../../contracts/names.js';
import { quotedLine } from '../secrets/quoted-line.js';
import { type JudgedFinding, plainFinding } from './judged-output.js';

/** The rule that what a role says of tests is what the engine saw of the checks. */
export const CLAIM_RULE = 'claims';

const SUBJECT = '(?:tests?|specs?|checks?|test suite|suite|builds?|ci|lint(?:er|ing)?)';

/** Words that say that tests passed. Every quantifier is bounded. */
const PASSED = [
  new RegExp(
    `\\b${SUBJECT}\\b(?: (?:now|all|still|again|do|locally|here|suite|cases)){0,3} (?:pass(?:es|ed|ing)?|succeed(?:s|ed)?|(?:is|are|was|were|stays?|remains?) (?:all )?(?:green|passing|successful))\\b`,
    'i',
  ),
  new RegExp(`\\b(?:ran|executed|verified with|passes|passed) (?:all |the |every |\\w{1,20} ){0,3}${SUBJECT}\\b`, 'i'),
  /\b\d{1,6}(?: of \d{1,6}|\/\d{1,6})? (?:tests? )?(?:passed|passing)\b/i,
  /\ball (?:tests? |checks? )?(?:green|pass(?:ed|ing)?)\b/i,
];
/** The sentence says the opposite, or what should be. */
const NOT =
  /\b(?:not?|never|cannot|can't|don't|doesn't|didn't|won't|without|until|unless|fail(?:s|ed|ing)?|should|must|would|if|when|once|expected to|to make)\b|n't\b/i;

const TEXT_LIMIT = 20_000;

/** The first sentence of a text that says that tests passed; null where none does. */
export function claimIn(text: string): string | null {
  const sentences = text.slice(0, TEXT_LIMIT).split(/(?<=[.!?;])\s|\n/);
  return (
    sentences.find(
      (sentence) => PASSED.some((pattern) => pattern.test(sentence.slice(0, 500))) && !NOT.test(sentence),
    ) ?? null
  );
}

const textsOf: { readonly [G in 'P05' | 'P06' | 'P07']: (output: GateOutputs[G]) => readonly string[] } = {
  P05: ({ summary, criteria, notes }) => [summary, ...criteria.map(({ how }) => how), ...notes],
  P06: ({ summary, criteria }) => [summary, ...criteria.filter(({ met }) => met).map(({ evidence }) => evidence)],
  P07: ({ summary, attacks }) => [summary, ...attacks],
};

const SPEAKERS = { P05: 'writer', P06: 'verifier', P07: 'reviewer' } as const satisfies Partial<Record<GateId, string>>;

/**
 * What a role says of tests, held against the checks that the engine ran. That a check failed, or that none ran, fails
 * P06 by a rule of its own; this names who said otherwise, so that no decision rests on it.
 */
export function judgeClaims<G extends keyof typeof SPEAKERS>(
  gate: G,
  output: GateOutputs[G],
  results: readonly CheckResult[],
  rulesVersion: number,
): readonly JudgedFinding[] {
  if (rulesVersion < 2) return [];
  const failed = results.filter(({ status }) => status !== 'passed');
  if (results.length > 0 && failed.length === 0) return [];
  const claim = textsOf[gate](output)
    .map(claimIn)
    .find((found) => found !== null);
  if (claim === undefined || claim === null) return [];
  const [first] = failed;
  const seen =
    first === undefined
      ? 'the engine ran no check'
      : `the engine saw that the check ${first.name} ${first.status.replace('_', ' ')}`;
  return [plainFinding(CLAIM_RULE, 'high', `The ${SPEAKERS[gate]} says ${quotedLine(claim)}; ${seen}.`)];
}
