import { PromptOsError } from '../contracts/errors.js';
import { ESCALATION_GATE, GATE_IDS, type GateId, isGateId } from '../contracts/names.js';
import type { Policy } from '../contracts/policy/policy.js';
import { type RunRequest, runRequestSchema } from '../contracts/run/run-request.js';
import { counted, suggestName } from '../contracts/sentences.js';
import { globsOfRequest } from '../rules/paths/stated-globs.js';
import { readNamedFile } from './files.js';
import { requireReadableGlobs } from './policy-file.js';
import { parseDocumentAs, parseYaml, type YamlDocument } from './yaml-document.js';

export interface RunRequestFile {
  readonly request: RunRequest;
  readonly document: YamlDocument;
}

/** @throws PromptOsError FILE_NOT_READABLE, YAML_MALFORMED, REQUEST_INVALID */
export async function readRunRequestFile(path: string): Promise<RunRequestFile> {
  const document = parseYaml(await readNamedFile(path, 'FILE_NOT_READABLE'), path);
  const request = parseDocumentAs(document, runRequestSchema, 'REQUEST_INVALID');
  requireReadableGlobs(document, globsOfRequest(request), 'REQUEST_INVALID');
  return { request, document };
}

/** @throws PromptOsError FILE_NOT_READABLE, YAML_MALFORMED, REQUEST_INVALID */
export const readRunRequest = async (path: string): Promise<RunRequest> => (await readRunRequestFile(path)).request;

export interface NotesRequestInput {
  /** The text of --notes; it survives unchanged as the request's notes. */
  readonly notes: string;
  readonly policy: Policy;
  readonly project: string;
}

const TITLE_LENGTH = 500;

/** The first line of the notes, cut to what a title may hold. */
function titleOf(notes: string): string {
  const line = notes.trim().split(/\r?\n/, 1)[0]?.trim() ?? '';
  if (line.length <= TITLE_LENGTH) return line;
  // A character outside the basic plane is two units long and must not be cut in half.
  return `${line.slice(0, TITLE_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/**
 * The request of a run that was started without a request file: title and description are the notes, one acceptance
 * criterion AC1 is the notes, bound to the policy's default checks; scope is the policy's default scope.
 * @throws PromptOsError REQUEST_INCOMPLETE naming every line that the policy lacks; REQUEST_INVALID for notes too long
 */
export function requestFromNotes({ notes, policy, project }: NotesRequestInput): RunRequest {
  const missing: string[] = [];
  if (notes.trim() === '') missing.push('--notes must say what is to be done');
  const [check] = policy.default_checks;
  const named = Object.keys(policy.checks);
  if (check === undefined) {
    missing.push(
      named.length > 0
        ? `the policy lacks the line \`default_checks: [${named.join(', ')}]\``
        : 'the policy has no check: add one such as `checks: { tests: { argv: [npm, test] } }`, and `default_checks: [tests]`',
    );
  }
  if (policy.default_scope === undefined) {
    missing.push('the policy lacks the line `default_scope: { allow: ["src/**", "test/**"] }`');
  }
  if (missing.length > 0 || check === undefined) {
    // The catalogue's advice is about the policy.
    const hint = notes.trim() === '' ? { hint: 'Give --notes "…", or a request file with --request.' } : {};
    throw new PromptOsError('REQUEST_INCOMPLETE', `Without a request file, ${missing.join('; ')}.`, hint);
  }
  const parsed = runRequestSchema.safeParse({
    context: { project, description: `The repository ${project}.`, goal: notes },
    task: {
      title: titleOf(notes),
      description: notes,
      acceptance_criteria: [{ id: 'AC1', text: notes, check }],
    },
    scope: policy.default_scope,
    checks: policy.default_checks,
    notes,
  });
  if (parsed.success) return parsed.data;
  throw new PromptOsError(
    'REQUEST_INVALID',
    `--notes: ${[...new Set(parsed.error.issues.map((issue) => issue.message))].join('; ')}, received ${counted(notes.length, 'character')}.`,
    { hint: 'Put long texts into a request file and give it with --request.' },
  );
}

/**
 * The gates that `--prompts` names, such as `P00,P01,P03,P05,P06,P07`. Whether a run may walk them is judged at its start.
 * @throws PromptOsError GATE_UNKNOWN
 */
export function parseGates(list: string): GateId[] {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !isGateId(name));
  if (unknown.length === 0) return names.filter(isGateId);
  const problems = unknown.map((name) => {
    if (name === '') return 'A name is empty.';
    if (name === ESCALATION_GATE) return `"${name}" (Governance Escalation) cannot be listed.`;
    return `"${name}" is no gate.${suggestName(name, GATE_IDS)}`;
  });
  throw new PromptOsError('GATE_UNKNOWN', `--prompts: received "${list}". ${problems.join(' ')}`);
}
