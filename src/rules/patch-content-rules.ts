import type { RuleFinding } from '../contracts/findings.js';
import { findSecretPatterns, secretFingerprint } from './find-secrets.js';
import { homePathsIn } from './home-paths.js';
import { addedTexts } from './patch-lines.js';
import type { JudgedPatch, PatchRule } from './patch-rule.js';
import { printable } from './path-names.js';
import type { SecretConfidence } from './secret-format.js';

interface PlacedHit {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
  readonly confidence: SecretConfidence;
  readonly fingerprint: string;
}

const NAME = '(a file name)';

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

/** No credential is added: neither one that the scanner knows nor one of our own table. */
export const secretsRule: PatchRule = {
  title: 'No secret is added',
  escalates: true,
  judge: (input) =>
    placedHits(input)
      .filter(({ confidence }) => confidence === 'known')
      .map(
        (hit): RuleFinding => ({
          severity: 'critical',
          blocking: true,
          message: `A likely secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`,
          ...placeOf(hit),
        }),
      ),
};

/** Candidates that are listed one by one; more are listed by file, so that all of them can travel and be waived. */
const LISTED_SINGLY = 10;

const candidate = (message: string, fingerprint: string, place: Pick<RuleFinding, 'path' | 'line'>): RuleFinding => ({
  severity: 'high',
  blocking: true,
  message: `${message} Fingerprint ${fingerprint}.`,
  fingerprint,
  ...place,
});

function together(hits: readonly PlacedHit[], where: string, place: Pick<RuleFinding, 'path' | 'line'>): RuleFinding {
  const lines = hits.slice(0, 8).map(({ line }) => line);
  const fingerprint = secretFingerprint('together', where, hits.map((hit) => hit.fingerprint).join(' '));
  const shown = `lines ${lines.join(', ')}${hits.length > lines.length ? ' and more' : ''}`;
  return candidate(`${hits.length} possible secrets in ${printable(where)} (${shown}).`, fingerprint, place);
}

/** A value that may be a credential: an integrator looks, and waives it by its fingerprint with a reason. */
export const secretCandidatesRule: PatchRule = {
  title: 'What may be a secret is looked at',
  escalates: true,
  judge: (input) => {
    const hits = placedHits(input).filter(({ confidence }) => confidence === 'candidate');
    const unique = [...new Map(hits.map((hit) => [hit.fingerprint, hit])).values()];
    if (unique.length <= LISTED_SINGLY) {
      return unique.map((hit) =>
        candidate(
          `A possible secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`,
          hit.fingerprint,
          placeOf(hit),
        ),
      );
    }
    const paths = [...new Set(unique.map(({ path }) => path))];
    const byPath = paths.map((path) => [path, unique.filter((hit) => hit.path === path)] as const);
    const [listed, rest] = byPath.length <= LISTED_SINGLY ? [byPath, []] : [byPath.slice(0, 9), byPath.slice(9)];
    return [
      ...listed.map(([path, inFile]) => together(inFile, path, { path })),
      ...(rest.length === 0
        ? []
        : [
            together(
              rest.flatMap(([, inFile]) => inFile),
              `${rest.length} more files`,
              {},
            ),
          ]),
    ];
  },
};

/** Lines longer than this are looked at up to here. */
const LINE_LIMIT = 200_000;

/** Nothing that is added names a person's home folder. What may be a URL or a container's path is reported only. */
export const homePathsRule: PatchRule = {
  title: 'No home folder is named',
  escalates: false,
  judge: ({ patch }) =>
    patch.added_lines.flatMap(({ path, line, text }): readonly RuleFinding[] => {
      const found = homePathsIn(text.slice(0, LINE_LIMIT), path);
      if (found.length === 0) return [];
      const message = found.some(({ certain }) => certain)
        ? ({ severity: 'high', blocking: true, message: 'The line names an absolute path in a home folder.' } as const)
        : ({
            severity: 'info',
            blocking: false,
            message: 'The line may name a home folder; it is more likely a URL or a path in a container.',
          } as const);
      return [{ ...message, path, line }];
    }),
};
