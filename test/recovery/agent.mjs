// The executor of every role in the recovery tests: prints the gate's answer, and in P05 makes the edit. Where the test
// has put a hold it leaves a half-done edit, says who it is, starts a child, and never ends by itself.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { RECOVERY_CONTROL: control, PROMPTOS_RUN_ID: run, PROMPTOS_GATE: gate, PROMPTOS_ATTEMPT: attempt } = process.env;
const { pid } = process;
const note = { run, gate, attempt: Number(attempt), pid, cwd: process.cwd(), scratch: process.env.PROMPTOS_SCRATCH };
appendFileSync(join(control, 'calls.jsonl'), `${JSON.stringify({ ...note, at: Date.now() })}\n`);

const hold = join(control, `${run}.${gate}.hold`);
if (existsSync(hold)) {
  rmSync(hold);
  writeFileSync('src/split.js', "export const split = 'half done';\n");
  writeFileSync('half-done.txt', 'left by a worker that died\n');
  process.on('SIGTERM', () => undefined);
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  const told = join(control, `${run}.${gate}.held`);
  writeFileSync(`${told}.new`, JSON.stringify({ ...note, child: child.pid, guard: process.ppid }));
  renameSync(`${told}.new`, told);
  setInterval(() => undefined, 60_000);
} else {
  if (gate === 'P05') writeFileSync('src/split.js', "export const split = 'right';\n");
  const outputs = JSON.parse(readFileSync(join(control, 'outputs.json'), 'utf8'));
  process.stdout.write(JSON.stringify({ kind: 'output', ...outputs[gate] }));
}
