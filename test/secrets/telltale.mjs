// Stands in front of an agent of the example and tells everything that a program is given: what it says is evidence and
// goes into the store, so that a secret in an executor's surroundings would be found there.
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { pathToFileURL } from 'node:url';

const environment = () => {
  try {
    return readFileSync('/proc/self/environ', 'utf8');
  } catch {
    return '';
  }
};
process.stderr.write(`${JSON.stringify({ env: process.env, argv: process.argv, home: readdirSync(homedir()) })}\n`);
process.stderr.write(`${environment().replaceAll('\0', '\n')}\n`);
await import(pathToFileURL(process.argv[2]).href);
