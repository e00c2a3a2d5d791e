import { promptSessionSchema } from '../../contracts/prompt-session.js';
import {
  buildPromptSession,
  checkPromptSession,
  promptSessionSidecar,
  promptSessionText,
  sessionOfRun,
} from '../../governance/prompt-session.js';
import { TREE_PATHS } from '../../governance/published-tree.js';
import { firstDifference } from '../first-difference.js';
import { checkShape, sha256Of, type TreeDocuments } from '../open-documents.js';
import { parseJson } from '../parse-json.js';
import { strictText } from '../strict-json.js';
import { VerifyFailure } from '../verify-codes.js';

/** The session as it lies there, its layout, shape and hashes checked. */
export async function readSession({ bytes }: TreeDocuments) {
  const path = TREE_PATHS.session;
  const text = strictText(await bytes(path), path);
  const session = checkShape(promptSessionSchema, parseJson(text, path), path);
  if (promptSessionText(session) !== text) {
    throw new VerifyFailure('JSON_NOT_STRICT', {
      path,
      expected: 'the fields in their order, two-space indented, each once',
      found: 'another layout',
    });
  }
  const [problem] = checkPromptSession(session);
  if (problem !== undefined) {
    throw new VerifyFailure('SESSION_HASH_INVALID', { path, expected: 'hashes of the content', found: problem });
  }
  return session;
}

/** The session's hashes hold, it is this run's own, and its sidecar names it. */
export async function checkSession(documents: TreeDocuments): Promise<void> {
  const session = await readSession(documents);
  const request = await documents.request();
  const expected = buildPromptSession(sessionOfRun(await documents.ledger(), request?.notes ?? ''));
  const { governance } = await documents.record();
  const difference =
    firstDifference(expected.session, session) ??
    firstDifference(
      { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash },
      governance,
      'governance',
    );
  if (difference !== null) {
    throw new VerifyFailure('SESSION_OTHER_RUN', { ...difference, path: `${TREE_PATHS.session}: ${difference.at}` });
  }
  await checkSidecar(documents);
}

/** The sidecar names the digest of the session's bytes. */
export async function checkSidecar({ bytes }: TreeDocuments): Promise<void> {
  const path = TREE_PATHS.sidecar;
  const found = strictText(await bytes(path), path);
  const expected = promptSessionSidecar(sha256Of(await bytes(TREE_PATHS.session)));
  if (found === expected) return;
  throw new VerifyFailure('SIDECAR_DIFFERS', {
    path,
    expected: JSON.stringify(expected),
    found: JSON.stringify(found.slice(0, 200)),
  });
}
