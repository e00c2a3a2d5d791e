import type { RuleFinding } from '../../contracts/run/findings.js';
import { addedTexts } from '../patch/patch-lines.js';
import { type JudgedPatch, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { findSecretPatterns, type SecretPatternHit, secretFingerprint } from '../secrets/find-secrets.js';

type Place = Pick<RuleFinding, 'path' | 'line'>;

type PlacedHit = SecretPatternHit & { readonly path: string };

const NAME = '(a file name)';

/** Two rules ask for the hits of one input: the scan is most of what judging a large patch costs. */
const HITS = new WeakMap<JudgedPatch, readonly PlacedHit[]>();

function hitsOf(input: JudgedPatch): readonly PlacedHit[] {
  const known = HITS.get(input);
  if (known !== undefined) return known;
  const hits = placedHits(input);
  HITS.set(input, hits);
  return hits;
}

/** Every hit of our own table and of the scanners; a scanner's candidate is dropped where our table knows the line. */
function placedHits({ patch, secret_hits }: JudgedPatch): readonly PlacedHit[] {
  const texts = addedTexts(patch);
  const own = texts.flatMap(({ path, text }) => findSecretPatterns(text, path).map((hit) => ({ ...hit, path })));
  // Nothing but known formats: bytes that are no text hold everything that looks generated.
  const hidden = (patch.binary_texts ?? []).flatMap(({ path, text }) =>
    findSecretPatterns(text, path)
      .filter(({ confidence }) => confidence === 'known')
      .map((hit) => ({ ...hit, path })),
  );
  const named = patch.files.flatMap(({ path, status }) =>
    status === 'deleted' ? [] : findSecretPatterns(path).map((hit) => ({ ...hit, line: 0, path: NAME })),
  );
  const lineOf = new Map(patch.added_lines.map(({ path, line, text }) => [`${line} ${path}`, text]));
  const seen = new Set(own.map(({ path, line }) => `${line} ${path}`));
  const scanned = secret_hits.flatMap(({ confidence = 'known', ...hit }): PlacedHit[] => {
    const place = `${hit.line} ${hit.path}`;
    if (confidence === 'candidate' && seen.has(place)) return [];
    const fingerprint = secretFingerprint(hit.rule, hit.path, lineOf.get(place) ?? '');
    return [{ ...hit, confidence, fingerprint }];
  });
  return [...scanned, ...own, ...hidden, ...named];
}

const placeOf = ({ path, line }: PlacedHit) => ({ path, ...(line >= 1 ? { line } : {}) });

/** Candidates that are listed one by one; more are listed by file, so that all of them can travel and be waived. */
const LISTED_SINGLY = 10;

const candidate = (message: string, fingerprint: string, place: Place): RuleFinding => ({
  ...violation('high', `${message} Fingerprint ${fingerprint}.`, place),
  fingerprint,
});

function together(hits: readonly PlacedHit[], where: string, place: Place): RuleFinding {
  const lines = hits.slice(0, 8).map(({ line }) => line);
  const fingerprint = secretFingerprint('together', where, hits.map((hit) => hit.fingerprint).join(' '));
  const shown = `lines ${lines.join(', ')}${hits.length > lines.length ? ' and more' : ''}`;
  return candidate(`${hits.length} possible secrets in ${printable(where)} (${shown}).`, fingerprint, place);
}

/** Values that may be credentials, each with the fingerprint by which it is waived. */
export function judgeSecretCandidates(input: JudgedPatch): readonly RuleFinding[] {
  const hits = hitsOf(input).filter(({ confidence }) => confidence === 'candidate');
  const unique = [...new Map(hits.map((hit) => [hit.fingerprint, hit])).values()];
  if (unique.length <= LISTED_SINGLY) {
    return unique.map((hit) => {
      const what = `A possible secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
      return candidate(what, hit.fingerprint, placeOf(hit));
    });
  }
  const paths = [...new Set(unique.map(({ path }) => path))];
  const byPath = paths.map((path) => [path, unique.filter((hit) => hit.path === path)] as const);
  const [listed, rest] = byPath.length <= LISTED_SINGLY ? [byPath, []] : [byPath.slice(0, 9), byPath.slice(9)];
  const findings = listed.map(([path, inFile]) => together(inFile, path, { path }));
  if (rest.length === 0) return findings;
  const others = rest.flatMap(([, inFile]) => inFile);
  return [...findings, together(others, `${rest.length} more files`, {})];
}

/** Values of formats that only credentials have. */
export const judgeSecrets = (input: JudgedPatch): readonly RuleFinding[] =>
  hitsOf(input)
    .filter(({ confidence }) => confidence === 'known')
    .map((hit) => {
      const what = `A likely secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
      return violation('critical', what, placeOf(hit));
    });
