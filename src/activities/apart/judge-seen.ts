import { judgeChange, judgeForm } from '../../rules/judge-change.js';
import type { JudgedFinding } from '../../rules/outputs/judged-output.js';
import { maskPatch } from '../../rules/patch/mask-patch.js';
import { type ParsedPatch, parsePatch } from '../../rules/patch/parse-patch.js';
import type { JudgedPatch } from '../../rules/patch/patch-rule.js';

/** What holds for a change that is judged. */
export type ChangeTerms = Omit<JudgedPatch, 'patch' | 'secret_hits'>;

/** What follows from a change and from what the scanner found in it. */
export interface SeenJudgement {
  /** Whether the bytes are written as git writes what it sees of the change; then all rules. */
  readonly form: readonly JudgedFinding[];
  readonly findings: readonly JudgedFinding[];
  /** The content of each file before and after. */
  readonly blobs: ParsedPatch['blobs'];
  /** The bytes without secrets; null where none was found. */
  readonly masked: Uint8Array | null;
}

export function judgeSeen(judged: JudgedPatch): SeenJudgement {
  const findings = judgeChange(judged);
  const parsed = parsePatch(judged.patch.bytes);
  return {
    form: judgeForm(parsed, judged.patch),
    findings,
    blobs: parsed.blobs,
    masked: findings.some(({ rule }) => rule === 'secrets') ? maskPatch(judged) : null,
  };
}
