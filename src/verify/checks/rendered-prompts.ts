import { testResultsSchema } from '../../contracts/gate-outputs.js';
import { outputJsonSchema } from '../../contracts/read-answer.js';
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
import { previousTry } from '../../rules/judged-output.js';
import { type AttemptInputs, inputsOf, judgesAgain, placedArtifact } from '../attempt-inputs.js';
import type { TreeDocuments, VerifiedAttempt } from '../open-documents.js';
import { expectText } from '../verify-codes.js';

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
  const tails = [];
  for (const { name } of results.checks) {
    const tail = async (stream: string) => {
      const log = await placedArtifact(documents, attempt, `evidence/checks/${name}.${stream}.txt`);
      return log === null ? '' : tailOf(documents, log.place);
    };
    tails.push({ stdout_tail: await tail('stdout'), stderr_tail: await tail('stderr') });
  }
  return shownResults(results, tails);
}

async function shownInputs(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  { request, context, job, plan, patch, testResults }: AttemptInputs,
): Promise<readonly PromptInput[]> {
  const { gate } = attempt.record;
  return gateInputs(gate, {
    request,
    context,
    job,
    plan,
    patch: patch === null ? null : patchInput(patch),
    test_results: gate === 'P06' ? await resultsShown(documents, attempt) : testResults,
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
    const outputContract = { jsonSchema: outputJsonSchema(gate) };
    const { folder } = attempt;
    for (const [index, { number }] of tries.entries()) {
      const before = tries[index - 1];
      const previous = before === undefined ? [] : [await previousInput(documents, folder, before)];
      const { feedback } = attempt.history;
      const expected = renderPrompt({ pack, gate, inputs: [...inputs, ...previous], outputContract, feedback });
      const path = `${folder}/try-${number}/prompt.md`;
      expectText('RENDERED_PROMPT_DIFFERS', path, expected, await documents.bytes(path));
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
