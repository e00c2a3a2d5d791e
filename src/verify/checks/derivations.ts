import { type CheckResult, type GateOutputs, testResultsSchema } from '../../contracts/answers/gate-outputs.js';
import { type Answer, readAnswer, shownJsonSchemas } from '../../contracts/answers/read-answer.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { parseJson, prettyJson } from '../../contracts/json.js';
import type { GateId } from '../../contracts/names.js';
import { type PatchFile, patchJudgementSchema } from '../../contracts/record/patch.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import {
  gateInputs,
  LOG_TAIL_BYTES,
  logTail,
  type PromptInput,
  patchInput,
  renderPrompt,
  shownResults,
} from '../../prompt-pack/render.js';
import { withheldFiles, withheldInput } from '../../rules/agent-files/withheld-files.js';
import { criteriaThatHold } from '../../rules/outputs/gate-outputs.js';
import { previousTry } from '../../rules/outputs/judged-output.js';
import { type OutputFile, PUBLISHED_OUTPUT } from '../../rules/outputs/published-output.js';
import { traceChange } from '../../rules/outputs/traceability.js';
import { describePatch } from '../../rules/patch/mask-patch.js';
import type { ParsedFile } from '../../rules/patch/parse-patch.js';
import { touchedPaths } from '../../rules/patch/patch-rule.js';
import {
  type AttemptInputs,
  inputsOf,
  judgesAgain,
  type PublishedPatch,
  patchOf,
  placedArtifact,
  rulesVersion,
} from '../attempt-inputs.js';
import type { TreeDocuments, VerifiedAttempt } from '../open-documents.js';
import { expectEqual, expectFields, expectText, VerifyFailure } from '../verify-codes.js';

const differs = (path: string, expected: string, found: string): VerifyFailure =>
  new VerifyFailure('DERIVED_DIFFERS', path, expected, found);

/** The answer that counted, read again from its transcript; null where no try counted. */
export async function answerOf(documents: TreeDocuments, { record, folder }: VerifiedAttempt): Promise<Answer | null> {
  const last = record.tries.at(-1);
  if (last === undefined || last.problem !== null) return null;
  const path = `${folder}/try-${last.number}/answer.txt`;
  const answer = readAnswer(record.gate, new TextDecoder().decode(await documents.bytes(path)));
  const expected = record.verdict === 'blocked' ? 'escalation' : 'output';
  if (answer.kind === expected && last.exit_code === 0) return answer;
  const found = answer.kind === 'unusable' ? answer.problem : `an ${answer.kind}, exit code ${last.exit_code}`;
  throw differs(path, `an answer that is an ${expected}, exit code 0`, found);
}

/** The output of an attempt, which has its gate's shape; null where there was none. */
async function outputOf<T>(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<T | null> {
  const answer = await answerOf(documents, attempt);
  return answer?.kind === 'output' ? (answer.output as T) : null;
}

/** What follows from an answer or a patch is what is published. */
export async function checkDerivations(documents: TreeDocuments): Promise<void> {
  if (!(await judgesAgain(documents))) return;
  for (const attempt of await documents.attempts()) {
    const request = await documents.request();
    const output = await outputOf<never>(documents, attempt);
    if (output !== null && request !== null) {
      const publish = PUBLISHED_OUTPUT[attempt.record.gate as GateId] as (
        o: never,
        r: typeof request,
      ) => readonly OutputFile[];
      for (const file of publish(output, request)) await checkText(documents, attempt, file);
    }
    if (attempt.record.gate === 'P05') {
      await checkListing(documents, attempt);
      await checkTrace(documents, attempt);
    }
    if (attempt.record.gate === 'P06') await checkPatchJudgement(documents, attempt);
    await checkWithheld(documents, attempt);
  }
}

async function checkText(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  { path, text }: OutputFile,
): Promise<void> {
  const placed = await placedArtifact(documents, attempt, path);
  if (placed === null) throw differs(path, 'a file that follows from the answer', 'nothing');
  expectText('DERIVED_DIFFERS', placed.place, text, await documents.bytes(placed.place));
}

/** Files that could not be taken into a patch are in the list alone: they have a rule of their own, which blocks. */
const isUntaken = ({ status, new_mode, added, deleted }: PatchFile): boolean =>
  status === 'added' && added === 0 && deleted === 0 && (new_mode === '160000' || new_mode === '100644');

/** A file as the text of the patch shows it. What the text does not say is taken from the list. */
function asShown({ shown, ...file }: ParsedFile, listed: PatchFile | undefined): PatchFile {
  if (listed === undefined || shown !== 'none') return file;
  const moved = file.status === 'renamed' || file.status === 'copied';
  const modes = moved ? { old_mode: listed.old_mode, new_mode: listed.new_mode } : {};
  return { ...file, binary: listed.binary, ...modes };
}

/** The files of a patch: what its text shows, and what could not be taken into it. */
export function filesOf({ files, parsed }: PublishedPatch): readonly PatchFile[] {
  const shown = new Map(parsed.files.map((file) => [file.path, file]));
  const listed = new Map(files.map((file) => [file.path, file]));
  return [
    ...parsed.files.map((file) => asShown(file, listed.get(file.path))),
    ...files.filter((file) => !shown.has(file.path) && isUntaken(file)),
  ];
}

async function checkListing(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<void> {
  const patch = await patchOf(documents, attempt);
  const placed = await placedArtifact(documents, attempt, GATE_PATHS.patchFiles);
  const text = await placedArtifact(documents, attempt, GATE_PATHS.patch);
  if (patch === null || placed === null || text === null) return;
  if (patch.masked) {
    // Only a patch that was refused for a secret is masked: nothing can rest on it, and nothing can be derived from it.
    const refused = attempt.record.findings.some(({ rule, blocking }) => rule === 'secrets' && blocking);
    if (!refused) throw differs(placed.place, 'a masked patch only where a secret was found', 'no finding of a secret');
    return;
  }
  if (patch.parsed.problem !== null) throw differs(text.place, 'a patch as git writes it', patch.parsed.problem);
  const byPath = (files: readonly PatchFile[]) => [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const found = parseJson(await documents.bytes(placed.place));
  const expected = describePatch({ files: byPath(filesOf(patch)), bytes: patch.bytes.byteLength });
  expectEqual('DERIVED_DIFFERS', placed.place, expected, { ...(found as object), files: byPath(patch.files) });
}

/** The trace of plan and patch is the one that they lead to. A masked patch leads to none; it was refused. */
async function checkTrace(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<void> {
  const placed = await placedArtifact(documents, attempt, GATE_PATHS.traceability);
  const patch = await patchOf(documents, attempt);
  const inputs = await inputsOf(documents, attempt);
  const build = await outputOf<GateOutputs['P05']>(documents, attempt);
  if (placed === null || patch === null || patch.masked || inputs === null || build === null) return;
  const expected = traceChange({
    base_commit: attempt.record.base_commit,
    patch_sha256: patch.sha256,
    files: patch.files,
    blobs: patch.parsed.blobs,
    criteria: criteriaThatHold(inputs.request, inputs.job),
    plan: inputs.plan,
    build,
  });
  await checkText(documents, attempt, { path: GATE_PATHS.traceability, text: prettyJson(expected) });
}

async function checkPatchJudgement(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<void> {
  const placed = await placedArtifact(documents, attempt, GATE_PATHS.patchJudgement);
  const inputs = await inputsOf(documents, attempt);
  if (placed === null) return;
  const said = await documents.json(placed.place, patchJudgementSchema);
  const expected = {
    rules_version: await rulesVersion(documents),
    base_commit: attempt.record.base_commit,
    patch_sha256: inputs?.patch?.sha256 ?? null,
  };
  expectFields('DERIVED_DIFFERS', placed.place, expected, said);
}

/** No verifier or reviewer was steered by the patch that it judged: its record says of each such file that it was withheld. */
async function checkWithheld(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<void> {
  const patch = (await inputsOf(documents, attempt))?.patch ?? null;
  const path = `${attempt.folder}/attempt.json: withheld`;
  const { withheld = [], inventory } = attempt.record;
  const touched = new Set(patch?.parsed.files.flatMap(touchedPaths));
  const other = withheld.find((one) => !touched.has(one));
  if (other !== undefined) throw differs(path, 'files that the patch touches', other);
  if (patch === null) return;
  const missing = withheldFiles(patch.parsed, inventory?.files ?? []).find((one) => !withheld.includes(one));
  if (missing !== undefined) throw differs(path, missing, withheld.join(', ') || 'nothing');
}

/** The end of a file, read as a stream: a log may be of any size. */
async function tailOf({ reader, plainFile }: TreeDocuments, path: string): Promise<string> {
  await plainFile(path);
  let end = new Uint8Array();
  for await (const chunk of reader.openStream(path)) {
    const joined = new Uint8Array(Buffer.concat([end, chunk.subarray(-LOG_TAIL_BYTES)]));
    end = joined.subarray(-LOG_TAIL_BYTES);
  }
  return logTail(end);
}

/** The test results as P06 showed them to its verifier: with the ends of the logs. */
async function resultsShown(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<unknown> {
  const placed = await placedArtifact(documents, attempt, TREE_PATHS.testResults);
  if (placed === null) return null;
  const results = await documents.json(placed.place, testResultsSchema);
  return shownResults(results, await logTails(documents, attempt, results.checks));
}

/** The ends of the logs of checks, as the prompt of P06 shows them. */
export async function logTails(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  checks: readonly Pick<CheckResult, 'name'>[],
) {
  const tails = [];
  for (const { name } of checks) {
    const tail = async (stream: string) => {
      const log = await placedArtifact(documents, attempt, `evidence/checks/${name}.${stream}.txt`);
      return log === null ? '' : tailOf(documents, log.place);
    };
    tails.push({ stdout_tail: await tail('stdout'), stderr_tail: await tail('stderr') });
  }
  return tails;
}

async function shownInputs(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  { request, context, job, plan, patch, testResults }: AttemptInputs,
): Promise<readonly PromptInput[]> {
  const { gate, inventory } = attempt.record;
  return gateInputs(gate, {
    request,
    context,
    job,
    plan,
    patch: patch === null ? null : patchInput({ ...patch, start: patch.bytes, bytes: patch.bytes.byteLength }),
    test_results: gate === 'P06' ? await resultsShown(documents, attempt) : testResults,
    withheld_files: patch === null ? null : withheldInput(patch.bytes, inventory?.files ?? []),
  });
}

/** Every prompt is the one that the pack, the attempt's inputs, its feedback and the try before lead to, to the last byte. */
export async function checkRenderedPrompts(documents: TreeDocuments): Promise<void> {
  const pack = await documents.pack();
  if (pack === null || !(await judgesAgain(documents))) return;
  for (const attempt of await documents.attempts()) {
    const { gate, tries } = attempt.record;
    const given = await inputsOf(documents, attempt);
    if (given === null) continue;
    const inputs = await shownInputs(documents, attempt, given);
    const contracts = shownJsonSchemas(gate).map((jsonSchema) => ({ jsonSchema }));
    const { folder } = attempt;
    for (const [index, { number }] of tries.entries()) {
      const before = tries[index - 1];
      const previous = before === undefined ? [] : [await previousInput(documents, folder, before)];
      const { feedback } = attempt.history;
      const [current = '', ...earlier] = contracts.map((outputContract) =>
        renderPrompt({ pack, gate, inputs: [...inputs, ...previous], outputContract, feedback }),
      );
      const path = `${folder}/try-${number}/prompt.md`;
      const found = await documents.bytes(path);
      if (earlier.includes(new TextDecoder().decode(found))) continue;
      expectText('RENDERED_PROMPT_DIFFERS', path, current, found);
    }
  }
}

async function previousInput(
  documents: TreeDocuments,
  folder: string,
  { number, problem }: { readonly number: number; readonly problem: string | null },
): Promise<PromptInput> {
  const path = `${folder}/try-${number}/answer.txt`;
  const answer = (await documents.has(path)) ? new TextDecoder().decode(await documents.bytes(path)) : null;
  return { name: 'previous_try', value: previousTry(problem ?? '', answer) };
}
