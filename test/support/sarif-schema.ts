import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);
const path = require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');

/** The schema of the standard refuses what it calls invalid; that of its text is more than a schema can say. */
const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true, unicodeRegExp: false }));
const validate = ajv.compile(JSON.parse(readFileSync(path, 'utf8')));

/** What the schema of SARIF 2.1.0 says against a log; empty for one that is valid. */
export const sarifProblems = (log: unknown): readonly string[] =>
  validate(log) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
