import { workApart } from '../../adapters/platform/apart.js';
import { type Content, SHORT_BYTES } from '../../contracts/long-bytes.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import type { SecretScanner } from '../../ports/secret-scanner.js';
import { type ChangeParts, contentsOf, partsOf, wholeChange } from '../../rules/patch/added-lines.js';
import { addedTexts } from '../../rules/patch/patch-lines.js';
import type { JudgedPatch } from '../../rules/patch/patch-rule.js';
import { type ChangeTerms, judgeSeen, type SeenJudgement } from './judge-seen.js';

const JUDGE = new URL('../../../dist/activities/apart/judge-process.js', import.meta.url);

/** What is said of a change. The caller releases what is masked. */
export interface JudgedChange extends Omit<SeenJudgement, 'masked'> {
  /** The patch without its secrets; null where none was found. */
  readonly masked: Content | null;
}

/** What the process that judges is given besides the bytes. */
export interface JudgeOrder {
  readonly change: { readonly patch: Patch } | { readonly parts: ChangeParts };
  readonly terms: ChangeTerms;
  readonly secret_hits: JudgedPatch['secret_hits'];
}

/** What it answers. */
export type JudgeAnswer = Omit<SeenJudgement, 'masked'> & { readonly is_masked: boolean };

/**
 * What the scanner and the rules say of a change. A patch of 50 MB takes some ten seconds and a gigabyte: it is judged by a
 * process of its own. Without heartbeats for so long, the server would give the gate to another worker, which would pay its
 * executor again.
 * @throws the signal's reason when it is aborted; what the scanner throws; Error when the process cannot work
 */
export async function judgeChangeApart(
  change: Patch | LongPatch,
  terms: ChangeTerms,
  secrets: SecretScanner,
  signal: AbortSignal,
): Promise<JudgedChange> {
  const secret_hits = await scanChange(secrets, change, signal);
  if (!isLongPatch(change) && change.bytes.byteLength <= SHORT_BYTES) {
    return judgeSeen({ patch: change, secret_hits, ...terms });
  }
  const input: JudgeOrder = {
    change: isLongPatch(change) ? { parts: partsOf(change) } : { patch: change },
    terms,
    secret_hits,
  };
  const content = isLongPatch(change) ? { content: contentsOf(change) } : {};
  const { value, given } = await workApart({ program: JUDGE, input, ...content, signal });
  const { is_masked, ...said } = value as JudgeAnswer;
  return { ...said, masked: is_masked ? given : null };
}

async function scanChange(
  secrets: SecretScanner,
  change: Patch | LongPatch,
  signal: AbortSignal,
): Promise<JudgedPatch['secret_hits']> {
  if (isLongPatch(change) && secrets.scanLong !== undefined) return secrets.scanLong(change, signal);
  // The caller still needs what holds a long change.
  const kept = isLongPatch(change) ? { ...change, release: () => undefined } : change;
  return secrets.scan(addedTexts(await wholeChange(kept)));
}
