import { sha256Hex } from '../../contracts/digest.js';
import { prettyJson } from '../../contracts/json.js';
import { ESCALATION_GATE } from '../../contracts/names.js';
import type { PromptSession } from '../../contracts/record/prompt-session.js';
import type { LedgerEntry } from '../../contracts/run/ledger.js';
import type { ClosedLedger } from '../ledger/closed-ledger.js';

export type PromptSessionFields = Omit<PromptSession, 'artifact_hash' | 'chain_hash'>;

/** `prompt_session.json` and its sidecar, as text to be written in UTF-8. */
export interface PromptSessionFile {
  readonly session: PromptSession;
  readonly text: string;
  readonly sidecar: string;
}

/**
 * What a run's ledger says of its session.
 * @param notes of the run's request
 */
export function sessionOfRun({ entries, opening, closing }: ClosedLedger, notes: string): PromptSessionFields {
  return {
    timestamp_utc: closing.at.replace(/\.\d+Z$/, 'Z'),
    prompt_os_version: opening.run.prompt_os_version,
    prompts_used: promptsUsed(entries),
    developer: opening.run.developer,
    target_repo: opening.run.target_repo,
    notes,
    lint_passed: opening.type === 'runOpened' && opening.plan.lint_passed,
  };
}

/** The gates that ran, without repeats, in the order of their first start; P08 where the first one was raised. */
function promptsUsed(entries: readonly LedgerEntry[]): string[] {
  const used = entries.flatMap((entry) => {
    if (entry.type === 'gateStarted') return [entry.gate];
    return entry.type === 'escalationOpened' ? [ESCALATION_GATE] : [];
  });
  return [...new Set(used)];
}

/** The session file of a run: its two hashes, its exact text, and what `sha256sum -c` takes beside it. */
export function buildPromptSession(fields: PromptSessionFields): PromptSessionFile {
  const hashed = inOrder(fields);
  const session = { ...hashed, ...sessionHashes(hashed) };
  const text = promptSessionText(session);
  return { session, text, sidecar: promptSessionSidecar(sha256Hex(text)) };
}

/**
 * The file's text: two-space indented JSON and one newline, the fields in their order, non-ASCII as it is, U+007F
 * escaped, as the tools that write and hash these files elsewhere do.
 */
export const promptSessionText = (session: PromptSession): string =>
  jsonText({
    ...inOrder(session),
    artifact_hash: session.artifact_hash,
    chain_hash: session.chain_hash,
  });

/** @param sha256 hexadecimal, of the file's bytes. */
export const promptSessionSidecar = (sha256: string): string => `${sha256}  prompt_session.json\n`;

/** What is wrong with a session's hashes, one sentence each; empty when both are right. */
export function checkPromptSession(session: PromptSession): readonly string[] {
  const { artifact_hash, chain_hash } = sessionHashes(session);
  return [
    ...(session.artifact_hash === artifact_hash
      ? []
      : [`artifact_hash is ${session.artifact_hash}, the content has ${artifact_hash}.`]),
    ...(session.chain_hash === chain_hash
      ? []
      : [`chain_hash is ${session.chain_hash}, content and time give ${chain_hash}.`]),
  ];
}

function sessionHashes(fields: PromptSessionFields): Pick<PromptSession, 'artifact_hash' | 'chain_hash'> {
  const artifact_hash = sha256Hex(jsonText(inOrder(fields)));
  return { artifact_hash, chain_hash: sha256Hex(artifact_hash + fields.timestamp_utc) };
}

function inOrder(fields: PromptSessionFields): PromptSessionFields {
  return {
    timestamp_utc: fields.timestamp_utc,
    prompt_os_version: fields.prompt_os_version,
    prompts_used: fields.prompts_used,
    developer: fields.developer,
    target_repo: fields.target_repo,
    notes: fields.notes,
    lint_passed: fields.lint_passed,
    ...(fields.pas === undefined
      ? {}
      : {
          pas: {
            stack_id: fields.pas.stack_id,
            stack_version: fields.pas.stack_version,
            compiled_hash: fields.pas.compiled_hash,
          },
        }),
  };
}

const jsonText = (value: unknown): string => prettyJson(value).replaceAll('\u007f', '\\u007f');
