import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { missedGoals, renderTable, type Table } from './figures.js';
import { note } from './note.js';
import { parseRequest, UsageError } from './options.js';
import { chooseParts, helpText } from './parts.js';

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  note(error.message);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const request = parseRequest(process.argv.slice(2));
  if (request.help) {
    console.log(helpText());
    return;
  }
  const parts = chooseParts(request);
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const load = loadavg();
  const tables: Table[] = [];
  for (const [name, part] of parts) {
    note(`measuring: ${name}`);
    tables.push(...(await part.measure({ ...request.options, runs: request.options.runs ?? part.runs })));
  }
  const [before, after] = [load, loadavg()].map(([minute = 0]) => minute.toFixed(1));
  const machine = { node: process.versions.node, cores: cpus().length, load: [before, after] };
  if (request.json) console.log(JSON.stringify({ ...machine, tables }));
  else {
    console.log(`Node.js ${machine.node}, ${machine.cores} cores, load ${before} to ${after}`);
    for (const table of tables) console.log(`\n${renderTable(table)}`);
  }
  for (const missed of missedGoals(tables)) {
    note(`missed: ${missed}`);
    process.exitCode = 1;
  }
}
