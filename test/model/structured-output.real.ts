import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JUDGING_GATES } from '../../src/canary/seeded/ask-seeded.js';
import { canaryCommand } from '../../src/cli/audit/audit-commands.js';
import type { ExecutorReport } from '../../src/cli/audit/canary/measure-executor.js';
import { invoke } from '../cli/recorded-context.js';
import { type ChatService, startChatService } from './chat-service.js';
import { installSmallModel, SMALL_MODEL } from './small-model.js';

/** Answers at each gate; the figures of the docs name how many there were. */
const REPEAT = Number(process.env.SMALL_MODEL_REPEAT ?? '5');
const GATES = (process.env.SMALL_MODEL_GATES ?? 'P00,P01,P06,P07').split(',');

let service: ChatService;
let folder: string;
beforeAll(async () => {
  service = await startChatService(await installSmallModel());
  folder = await mkdtemp(join(tmpdir(), 'promptos-small-model-'));
  const judge = {
    ...{ kind: 'model', base_url: `${service.url}/v1`, model: SMALL_MODEL, edits: 'files', timeout: '2h' },
    answer_bounds: { items: 4, characters: 120 },
    parameters: { temperature: 0.3, max_output_tokens: 2_500 },
    // One call of the model in a try: what is counted is its first answer, not one that was corrected.
    max_steps: 1,
  };
  const config = {
    ...{ schema_version: 1, roles: ['writer', 'verifier', 'reviewer'], repositories: {}, sandbox: 'none' },
    ...{ trust: { policies: [`sha256:${'0'.repeat(64)}`] }, executors: { judge } },
  };
  await mkdir(join(folder, '.promptos'));
  await writeFile(join(folder, '.promptos/worker.yaml'), JSON.stringify(config));
});
afterAll(async () => {
  await service?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(GATES)(
  '%s: at least 95 % of the answers of a small model have the asked form at the first try',
  async (gate) => {
    const report = join(tmpdir(), `promptos-small-model-${gate}.json`);
    // Where a change is judged, it is asked about with its bug and without.
    const times = JUDGING_GATES.some((one) => one === gate) ? Math.ceil(REPEAT / 2) : REPEAT;
    const args = ['--executor', 'judge', '--gate', gate, '--repeat', `${times}`, '--report', report];
    const one = ['--language', 'javascript', '--class', 'wrong condition'];
    const said = await invoke(canaryCommand, [...args, ...one], { cwd: folder, json: true });
    const count = Object.values((said.objects[0] as unknown as ExecutorReport).gates)[0];
    console.log(JSON.stringify(count, null, 2));
    expect(count?.model.served).toEqual([SMALL_MODEL]);
    expect(count?.structured.rate).toBeGreaterThanOrEqual(0.95);
  },
);
