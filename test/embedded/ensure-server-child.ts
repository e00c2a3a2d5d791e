import { ensureServer } from '../../src/embedded/server.js';

const [, , stateDir = '', path = '', version = ''] = process.argv;

/** What a command does, as far as the server goes: its lines go to standard output, the result as JSON after them. */
const server = await ensureServer({
  stateDir,
  binary: { path, version },
  env: process.env,
  log: (line) => console.log(line),
});
console.log(JSON.stringify(server));
