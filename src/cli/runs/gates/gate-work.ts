import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, PromptOsError } from '../../../contracts/errors.js';
import type { GateId } from '../../../contracts/names.js';
import { counted } from '../../../contracts/sentences.js';
import type { OpenedGate, SubmissionAnswer } from '../../../handoff/gate-desk.js';
import { openGate } from '../../../handoff/open-gate.js';
import { releaseGate } from '../../../handoff/release-gate.js';
import { submitGate } from '../../../handoff/submit-gate.js';
import { type CommandContext, programOf } from '../../app/context.js';
import { printable, printableLine, shellWord } from '../../app/printable.js';
import { describeFinding } from '../show/show-status.js';
import { type DeskOptions, withDesk } from './open-desk.js';

interface GateOptions extends DeskOptions {
  readonly gate?: GateId | undefined;
}

/** `gate next`: what is to be done, and where. */
export async function nextGate(context: CommandContext, given: string, options: GateOptions): Promise<void> {
  const opened = await withDesk(context, given, options, ({ desk, run_id }) =>
    openGate(desk, { run_id, gate: options.gate ?? null }),
  );
  const { gate, title, attempt, principal, claim, again, prompt, files, edits_files } = opened;
  const output = context.output();
  const submit = submitCommand(context, opened, options);
  output.say(printable(prompt));
  output.say();
  output.say(`gate    ${gate} ${title}, attempt ${attempt}, for ${printableLine(principal)}`);
  output.say(
    `claim   ${printableLine(claim.claimant)} until ${claim.until}${again ? ', with the folder of before' : ''}`,
  );
  output.say(`prompt  ${files.prompt}`);
  output.say(`schema  ${files.output_schema}`);
  output.say(`files   ${files.checkout}${edits_files ? ': change them there' : ', to read; changes do not count'}`);
  output.say(`output  write it to ${files.output}`);
  output.say(`        → ${submit}`);
  output.emit({ ...opened, submit });
}

/** The line that submits what was written to the folder of the gate. */
function submitCommand(context: CommandContext, { run_id, gate, files }: OpenedGate, options: GateOptions): string {
  const { as, claimant, dir } = options;
  const more = [
    ...(claimant === undefined ? [] : ['--claimant', claimant]),
    ...(dir === undefined ? [] : ['--dir', dir]),
  ];
  const words = ['gate', 'submit', run_id, '--gate', gate, '--as', as, '--output', files.output, ...more];
  return `${programOf(context)} ${words.map(shellWord).join(' ')}`;
}

/** `gate release`. */
export async function releaseClaim(context: CommandContext, given: string, options: GateOptions): Promise<void> {
  const output = context.output();
  await withDesk(context, given, options, async ({ desk, run_id }) => {
    const claim = await releaseGate(desk, { run_id, gate: options.gate ?? null });
    output.say(claim === null ? 'There is no claim.' : `The claim of ${printableLine(claim.claimant)} has ended.`);
    output.emit({ run_id, released: claim });
  });
}

interface SubmitOptions extends DeskOptions {
  readonly gate: GateId;
  readonly output: string;
  readonly patch?: string | undefined;
  readonly submitFailing?: true | undefined;
}

/** `gate submit`. */
export async function submitOutput(context: CommandContext, given: string, options: SubmitOptions): Promise<void> {
  const { gate, patch, submitFailing = false } = options;
  const submission = {
    gate,
    output: (await readGiven(context, '--output', options.output)).toString('utf8'),
    patch: patch === undefined ? null : await readGiven(context, '--patch', patch),
    submit_failing: submitFailing,
  };
  const answer = await withDesk(context, given, options, ({ desk, run_id }) =>
    submitGate(desk, { run_id, ...submission }),
  );
  showAnswer(context, answer);
  if (answer.kind === 'failing') context.exit(1);
}

/** Of an output or a patch: as much as a request to `promptos mcp --http` may have. */
const MOST_MIB = 64;

/** @throws PromptOsError FILE_NOT_READABLE, also for what is no file: a device may have no end */
async function readGiven({ cwd }: CommandContext, option: string, path: string): Promise<Buffer> {
  const file = resolve(cwd, path);
  const refused = (text: string, cause?: unknown) =>
    new PromptOsError('FILE_NOT_READABLE', `${option}: expected ${text}.`, { cause });
  const found = await stat(file).catch((cause: unknown) => {
    throw refused(`a file, received ${file} (${messageOf(cause)})`, cause);
  });
  if (!found.isFile()) throw refused(`a file, received ${file}, which is none`);
  if (found.size > MOST_MIB * 1_048_576)
    throw refused(`at most ${MOST_MIB} MiB, received ${file} of ${found.size} bytes`);
  return readFile(file).catch((cause: unknown) => {
    throw refused(`a file, received ${file} (${messageOf(cause)})`, cause);
  });
}

function showAnswer(context: CommandContext, { kind, result, ...more }: SubmissionAnswer): void {
  const output = context.output();
  const { gate, attempt, verdict, reason, findings, output_sha256 } = result;
  for (const finding of findings) output.say(`        ${describeFinding(finding)}`);
  if (kind === 'failing') {
    const blocking = findings.filter((finding) => finding.blocking).length;
    output.say(`not submitted: ${gate} fails by ${counted(blocking, 'blocking finding')}`);
    output.say('        Correct it and submit it again, or add --submit-failing to have it recorded as it is.');
  } else {
    const before = 'before' in more && more.before;
    output.say(
      before
        ? `${gate}, attempt ${attempt}, was submitted before; the run was notified again`
        : `submitted ${gate}, attempt ${attempt}`,
    );
    output.say(`verdict ${verdict}${reason === null ? '' : `: ${printableLine(reason, 1_000)}`}`);
    output.say(`record  sha256:${output_sha256}`);
  }
  output.emit({ submitted: kind === 'submitted', ...more, ...result });
}
