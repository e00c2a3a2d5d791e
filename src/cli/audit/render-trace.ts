import { basename } from 'node:path';
import { counted } from '../../contracts/sentences.js';
import { printableLine } from '../printable.js';
import type { NearRun } from './nearest-runs.js';
import type { Trace, TracedArtifact } from './trace.js';
import type { RunVerification } from './verify-run.js';

const HOW: Readonly<Record<TracedArtifact['found_by'], string>> = {
  run_id: 'named by its id',
  digest: 'found by its digest',
  trailer: 'found by its PromptOS-Run trailer',
  patch_id: 'found by its patch id',
  blobs: 'found by the files that it results in',
  session: 'holds the exported session',
};

const LIKENESS: Readonly<Record<NonNullable<TracedArtifact['likeness']>, string>> = {
  same: 'exactly the published change',
  moved: 'the published change, at another place of its files',
  misplaced: 'NOT the published change: its lines, at a place where git does not put them',
  white_space: 'the published change but for white space',
  result: 'NOT the published change, though its files are as the run left them',
  different: 'NOT the published change',
  no_patch: 'the run published no change',
};

/** A trace as a person reads it, one line an element. Whatever others wrote is made harmless for a terminal. */
export function renderTrace(trace: Trace): readonly string[] {
  const { artifact, run_record: record, prompt_session: session, prompts, received, decided, problems } = trace;
  return [
    `1 artifact    ${artifactLine(trace)}`,
    ...(artifact.likeness === undefined ? [] : [`              ${LIKENESS[artifact.likeness]}`]),
    ...(artifact.files ?? []).slice(0, 10).map((file) => `              ${printableLine(file)}`),
    ...((artifact.files?.length ?? 0) > 10 ? [`              and ${(artifact.files?.length ?? 0) - 10} more`] : []),
    `2 run record  ${trace.run_id}: ${record.outcome}, ${record.finished_at}`,
    `              ${record.path} sha256:${record.sha256}`,
    `              ${verificationLine(record.verification)}`,
    ...record.verification.remarks.map((remark) => `              NOTE: ${printableLine(remark)}`),
    `              ${printableLine(record.target_repo)} at ${record.base_commit}, policy sha256:${record.policy_sha256}`,
    `              tree ${record.tree}`,
    `3 session     ${session.path}, ${session.timestamp_utc}`,
    `              artifact_hash ${session.artifact_hash}`,
    `              chain_hash ${session.chain_hash}`,
    `4 prompts     ${printableLine(prompts.prompt_os_version)}, pack ${prompts.pack_sha256 ?? 'never opened'}`,
    `              used ${prompts.prompts_used.join(', ') || 'none'}`,
    `              developer ${printableLine(prompts.developer)}, ${signedLine(prompts.request_signed_by)}`,
    ...prompts.texts.map(
      (text) => `              ${text.prompt_id} ${printableLine(text.version)} sha256:${text.sha256}`,
    ),
    `5 received    ${received.length === 0 ? 'nothing: no model was asked' : counted(received.length, 'text')}`,
    ...received.flatMap((one) => [
      `              ${one.gate}.${one.attempt}, try ${one.try}, by ${one.principal}${executorOf(one)}${standing(one.standing)}`,
      `                ${one.path}${one.intact ? '' : ' NOT INTACT'}`,
      `                sha256:${one.sha256}`,
    ]),
    `  decided     ${decided.length === 0 ? 'by nobody' : ''}`.trimEnd(),
    ...decided.map(
      ({ at, about, choice, actor, keyid, signature }) =>
        `              ${at} ${about} ${choice} by ${printableLine(actor)}, ${decisionLine(signature, keyid)}`,
    ),
    ...problems.map((problem) => `PROBLEM: ${printableLine(problem)}`),
  ];
}

function artifactLine({ run_id, artifact }: Trace): string {
  const { kind, found_by, commit, path, sha256 } = artifact;
  const how = HOW[found_by];
  if (kind === 'run') return `everything that run ${run_id} published`;
  if (kind === 'commit') return `${path === undefined ? '' : `${printableLine(path)}, `}commit ${commit}, ${how}`;
  if (kind === 'file') return `${printableLine(basename(path ?? ''))} sha256:${sha256}, ${how}`;
  return `${printableLine(path ?? '')} sha256:${sha256}, ${how}`;
}

/** What a verification came to, in a sentence. */
export function verificationLine({ problem, trusted }: RunVerification): string {
  if (problem !== null) return `NOT VERIFIED: ${problem.code}`;
  return trusted ? 'verified against the policies handed in' : 'consistent, but vouched for by nothing but itself';
}

const signedLine = (keyid: string | null): string =>
  keyid === null ? 'request not signed' : `request signed by ${keyid}`;

function decisionLine(signature: 'valid' | 'invalid' | 'none', keyid: string | null): string {
  if (signature === 'none') return 'UNAUTHENTICATED: the name is a claim';
  return signature === 'valid' ? `signed by ${keyid}` : `SIGNATURE NOT VALID (${printableLine(keyid ?? 'no key')})`;
}

const standing = (value: 'passed' | 'voided' | 'open'): string => (value === 'passed' ? '' : ` (${value})`);

const executorOf = ({ program, model }: { readonly program: string | null; readonly model: string | null }): string =>
  program === null ? '' : ` with ${printableLine(program)}${model === null ? '' : `, model ${printableLine(model)}`}`;

/** The runs that come nearest, one line each. */
export const renderNearest = (nearest: readonly NearRun[]): readonly string[] =>
  nearest.map(({ run_id, outcome, finished_at, files_in_common }) => {
    const common = files_in_common.map((file) => printableLine(file)).join(', ');
    return `  ${run_id} (${outcome}, ${finished_at})${common === '' ? '' : `: also changed ${common}`}`;
  });
