import { mkdir, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTestReport, reportIsThere } from '../../../src/adapters/checks/test-report.js';
import { folderWith, readPrinted } from './report-files.js';

const SUITES = '<testsuites><testcase name="a"/></testsuites>';
const ENTITIES = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>';

test.each([
  ['junit', 'nothing', '', 'not well-formed XML'],
  ['junit', 'an element that is not closed', '<testsuites><testcase></testsuites>', 'not well-formed XML'],
  ['junit', 'the end of it missing', SUITES.slice(0, -4), 'not well-formed XML'],
  ['junit', 'another document', '<html><testcase name="a"/></html>', 'neither <testsuites> nor <testsuite>'],
  ['junit', 'entities that grow', ENTITIES + SUITES, 'a document type or entities'],
  ['junit', 'a file as entity', `<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/hostname">]>${SUITES}`, 'a document type'],
  ['node', 'a document type elsewhere', `<!doctype t SYSTEM "http://127.0.0.1:1/t.dtd">${SUITES}`, 'a document type'],
  [
    'junit',
    'suites in suites without end',
    `<testsuites>${'<testsuite>'.repeat(5_000)}${'</testsuite>'.repeat(5_000)}</testsuites>`,
    'Maximum nested tags',
  ],
  ['junit', 'a name of the language', '<testsuites><__proto__/></testsuites>', 'reserved'],
  ['tap', 'no plan', 'ok 1 - a\nok 2 - b\n', 'no plan'],
  ['tap', 'fewer points than planned', '1..3\nok 1\n', 'incorrect number of tests'],
  ['tap', 'more points than planned', '1..1\nok 1\nok 2\n', 'id greater than plan end'],
  ['tap', 'fewer points below than planned', '1..1\n# Subtest: a\n    1..2\n    ok 1\nok 1 - a\n', 'incorrect number'],
  ['tap', 'a bail out', '1..2\nok 1\nok 2\nBail out! no disk\n', 'bails out'],
  [
    'tap',
    'streams in streams without end',
    `1..1\n${Array.from({ length: 500 }, (_, depth) => `${'    '.repeat(depth)}# Subtest: x\n`).join('')}ok 1\n`,
    'nested more than 64 deep',
  ],
  ['cargo', 'nothing', '', '"test result:"'],
  [
    'cargo',
    'numbers beyond counting',
    `test result: ok. ${'9'.repeat(400)} passed; 0 failed; 0 ignored;`,
    'test result',
  ],
  ['jest-json', 'nothing', '', 'JSON'],
  ['jest-json', 'depth without end', '['.repeat(5_000_000), 'JSON'],
  ['jest-json', 'another document', '{}', '"testResults"'],
  ['jest-json', 'another value', 'null', '"testResults"'],
] as const)('a %s report: %s is refused', async (format, _, text, problem) => {
  const read = await readPrinted(format, text);
  expect(read).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  expect(read).toMatchObject({ problem: expect.stringContaining(`its ${format} report on its standard output`) });
});

test.each([
  ['junit', 'suites without a case', '<testsuites><testsuite name="a"/></testsuites>'],
  ['node', 'a file in which no test ran', '<testsuites><testcase name="/x/a.test.js"/></testsuites>'],
  ['tap', 'a plan of none', '1..0 # skip no tests\n'],
  ['tap', 'nothing', ''],
  ['go-test-json', 'nothing', ''],
  [
    'go-test-json',
    'lines that are no events',
    'FAIL x [build failed]\n[1]\nnull\n{"Action":"pass"}\n{"Action":"__proto__","Test":"a"}\n',
  ],
  ['cargo', 'binaries without a test', 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n'],
  ['jest-json', 'files without a result', '{"testResults":[null,{},{"assertionResults":[]}]}'],
] as const)('a %s report: %s counts no test', async (format, _, text) => {
  expect(await readPrinted(format, text)).toMatchObject({ ok: true, tests: { executed: 0, skipped: 0 } });
});

test('a report with very many cases is counted', async () => {
  const cases = '<testcase name="a"/>'.repeat(150_000);
  const read = await readPrinted('junit', `<testsuites><testsuite>${cases}</testsuite></testsuites>`);
  expect(read).toMatchObject({ ok: true, tests: { executed: 150_000 } });
});

test('a report that is too large is not read', async () => {
  const folder = await folderWith({ 'r.xml': '' });
  await truncate(join(folder, 'r.xml'), 20 * 1_024 ** 3);
  const started = Date.now();
  expect(await readTestReport(folder, { format: 'junit', path: 'r.xml' }, new Uint8Array())).toMatchObject({
    ok: false,
    problem: expect.stringContaining('33554432 at most'),
  });
  expect(Date.now() - started).toBeLessThan(1_000);
  expect(await readTestReport(folder, { format: 'tap' }, new Uint8Array(33_554_433))).toMatchObject({ ok: false });
});

test('a report that is missing, a link, a folder, or behind a link is not read', async () => {
  const outside = await folderWith({ 'r.xml': SUITES });
  const folder = await folderWith();
  await symlink(join(outside, 'r.xml'), join(folder, 'link.xml'));
  await symlink(outside, join(folder, 'elsewhere'));
  await mkdir(join(folder, 'folder.xml'));
  const problem = async (path: string) => {
    const read = await readTestReport(folder, { format: 'junit', path }, new Uint8Array());
    return read.ok ? 'read' : read.problem;
  };
  expect(await problem('r.xml')).toContain('it is missing');
  expect(await problem('link.xml')).toContain('it is missing, or a link');
  expect(await problem('elsewhere/r.xml')).toContain('a folder on its path is a link');
  expect(await problem('folder.xml')).toContain('it is not a file');
});

test('a report that is there before the check runs is refused, a dangling link too', async () => {
  const folder = await folderWith({ 'r.xml': SUITES });
  await symlink('nowhere', join(folder, 'dangling.xml'));
  expect(await reportIsThere(folder, { format: 'junit', path: 'r.xml' })).toContain('is in the tree before');
  expect(await reportIsThere(folder, { format: 'junit', path: 'dangling.xml' })).toContain('is in the tree before');
  expect(await reportIsThere(folder, { format: 'junit', path: 'other.xml' })).toBeNull();
});
