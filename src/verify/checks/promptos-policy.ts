import { ESCALATION_GATE } from '../../contracts/names.js';
import { type PromptSession, promptSessionSchema } from '../../contracts/prompt-session.js';
import {
  buildPromptSession,
  promptSessionSidecar,
  promptSessionText,
  sessionOfRun,
} from '../../domain/record/prompt-session.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { TreeDocuments } from '../open-documents.js';
import { parseBoundedJson, strictText } from '../parse-json.js';
import { checkShape, sha256Of } from '../tree-files.js';
import { unenforcedFields } from '../trust.js';
import { type VerifyCode, VerifyFailure } from '../verify-codes.js';

/** What the policy file of existing PromptOS tooling asks, each field by itself: a field that is false asks nothing. */
export async function checkPromptOsPolicy(documents: TreeDocuments): Promise<readonly string[]> {
  const policy = documents.trust.promptosPolicy;
  if (policy === undefined) return [];
  const session = await declaredSession(documents);
  const asked = (field: boolean, check: () => void | Promise<void>) => (field ? check() : undefined);
  const wanted = policy.required_promptos_version;
  if (wanted !== undefined)
    same('PROMPTOS_VERSION', 'prompt_os_version', plain(wanted), plain(session.prompt_os_version));
  await asked(policy.enforce_hash_validation, () => checkHashes(documents, session));
  await asked(policy.require_prompts_declared, () => checkDeclared(documents, session));
  await asked(policy.require_chain_validation, () => {
    const chain = sha256Of(session.artifact_hash + session.timestamp_utc);
    same('PROMPTOS_CHAIN', 'chain_hash', chain, session.chain_hash);
  });
  await asked(policy.require_run_binding, () => checkBinding(documents, session));
  const ignored = unenforcedFields(policy);
  return ignored.length === 0
    ? []
    : [`the PromptOS policy file has fields that are not enforced: ${ignored.join(', ')}`];
}

/** Only its shape is asked here: what else holds of it, the fields say. */
async function declaredSession({ bytes }: TreeDocuments): Promise<PromptSession> {
  const text = strictText(await bytes(TREE_PATHS.session), TREE_PATHS.session);
  return checkShape(promptSessionSchema, parseBoundedJson(text, TREE_PATHS.session), TREE_PATHS.session);
}

/** A tag is often the version with a "v" before it. */
const plain = (version: string): string => version.replace(/^v/, '');

function same(code: VerifyCode, field: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new VerifyFailure(code, { path: `${TREE_PATHS.session}: ${field}`, expected, found });
}

async function checkHashes({ bytes }: TreeDocuments, session: PromptSession): Promise<void> {
  const { artifact_hash: _artifact, chain_hash: _chain, ...fields } = session;
  const expected = buildPromptSession(fields).session;
  same('PROMPTOS_HASH', 'artifact_hash', expected.artifact_hash, session.artifact_hash);
  const content = await bytes(TREE_PATHS.session);
  same('PROMPTOS_HASH', 'layout', promptSessionText(session), strictText(content, TREE_PATHS.session));
  const sidecar = strictText(await bytes(TREE_PATHS.sidecar), TREE_PATHS.sidecar);
  same('PROMPTOS_HASH', 'sidecar', promptSessionSidecar(sha256Of(content)), sidecar);
}

/** Prompts are declared, each is one of the pack, and they are those that ran. */
async function checkDeclared(documents: TreeDocuments, { prompts_used }: PromptSession): Promise<void> {
  const ledger = await documents.closed();
  const { run, type } = ledger.opening;
  const ran = sessionOfRun(ledger, '').prompts_used;
  const known = [...run.gates, ESCALATION_GATE] as readonly string[];
  const foreign = prompts_used.filter((prompt) => !known.includes(prompt));
  if (prompts_used.length === 0 && type === 'runOpened')
    same('PROMPTOS_PROMPTS', 'prompts_used', 'some prompts', 'none');
  same('PROMPTOS_PROMPTS', 'prompts_used', '', foreign.join(', '));
  same('PROMPTOS_PROMPTS', 'prompts_used', ran.join(', '), prompts_used.join(', '));
}

/** The record carries the session's two hashes, and both speak of the same run. */
async function checkBinding(documents: TreeDocuments, session: PromptSession): Promise<void> {
  const { governance, developer, target_repo } = await documents.record();
  same('PROMPTOS_BINDING', 'artifact_hash', governance.prompt_artifact_hash, session.artifact_hash);
  same('PROMPTOS_BINDING', 'chain_hash', governance.prompt_chain_hash, session.chain_hash);
  same('PROMPTOS_BINDING', 'developer', developer, session.developer);
  same('PROMPTOS_BINDING', 'target_repo', target_repo, session.target_repo);
}
