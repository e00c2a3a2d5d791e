import { readFileSync, realpathSync } from 'node:fs';
import { boundedJsonSchema } from '../../contracts/answers/answer-schema.js';
import { modelProgramSchema } from '../../contracts/config/model-executor.js';
import { readJson } from '../../contracts/json.js';
import { GATE_IDS, type GateId } from '../../contracts/names.js';
import { createPrintLine, type PrintLine } from '../print-line.js';
import { watchModel } from './ask-model.js';
import { doGate } from './do-gate.js';
import { instructionsFor, wayOfWork } from './instructions.js';
import { ModelFailure } from './model-failure.js';
import { openModel } from './open-model.js';
import { toolNames } from './tools.js';

/*
 * The model executor: calls a model by its API and does one try of a gate. It runs in the sandbox, in the checkout.
 * Arguments: its settings as JSON, the file of the answer's schema, and that of the provider's package where it has one. The prompt comes on standard input. What is said and
 * done goes to standard output as JSON Lines; the last has the answer, or the failure.
 */

// The SDK prints warnings by itself, among the lines of the transcript.
globalThis.AI_SDK_LOG_WARNINGS = false;

async function run(): Promise<number> {
  const [settingsText = '', schemaFile = '', providerFile] = process.argv.slice(2);
  const settings = modelProgramSchema.parse(readJson(settingsText));
  const apiKey = settings.api_key_env === undefined ? undefined : process.env[settings.api_key_env];
  const print: PrintLine = createPrintLine([apiKey ?? ''], (text) => process.stdout.write(text));
  try {
    const gate = gateOf(process.env.PROMPTOS_GATE);
    const way = wayOfWork(gate, settings);
    const { provider, base_url, model, output, edits, parameters, max_steps } = settings;
    const asked = { provider, base_url, requested_model: model, output, edits, parameters, max_steps };
    print({ type: 'start', gate, way, ...asked, tools: toolNames(way) });
    const watched = watchModel(await openModel(settings, apiKey, providerFile));
    const answer = await doGate(
      { watched, settings, system: instructionsFor(way), print, stepsLeft: settings.max_steps },
      {
        ...{ gate, way, prompt: readFileSync(0, 'utf8'), root: realpathSync(process.cwd()) },
        schema:
          settings.answer_bounds === undefined
            ? (JSON.parse(readFileSync(schemaFile, 'utf8')) as object)
            : boundedJsonSchema(gate),
      },
    );
    print({ type: 'result', answer: readJson(answer) ?? answer });
    return 0;
  } catch (error) {
    // Anything else is an error of this program: it ends with its message on standard error.
    if (!(error instanceof ModelFailure)) throw error;
    const { failureClass, message, retryAfter } = error;
    const failure = { class: failureClass, message, ...(retryAfter === null ? {} : { retry_after: retryAfter }) };
    print({ type: 'failed', failure });
    return 1;
  }
}

function gateOf(name: string | undefined): GateId {
  const gate = GATE_IDS.find((id) => id === name);
  if (gate === undefined) throw new Error(`PROMPTOS_GATE is "${name ?? ''}"; expected one of ${GATE_IDS.join(', ')}.`);
  return gate;
}

const code = await run();
// What is printed may still be on its way.
process.stdout.write('', () => process.exit(code));
