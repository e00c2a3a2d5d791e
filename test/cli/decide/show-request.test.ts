import { expect, test } from 'vitest';
import { colourPatch, renderArtifact } from '../../../src/cli/decide/show-request.js';

const artifact = (path: string) => ({ path, sha256: 'a'.repeat(64), bytes: 1, media_type: 'text/plain' });
const render = (path: string, text: string, cut = false) => renderArtifact(artifact(path), { text, cut }, false);

const PATCH = ['diff --git a/x b/x', '--- a/x', '+++ b/x', '@@ -1,2 +1,1 @@', '--- gone', '+-- here', ' stays'];
const BOLD = '\u001b[1m';
const RED = '\u001b[31m';
const GREEN = '\u001b[32m';

test('colourPatch: a removed line that looks like a header is red', () => {
  const coloured = colourPatch(PATCH, true);
  expect(coloured.slice(0, 3).every((line) => line.startsWith(BOLD))).toBe(true);
  expect(coloured[4]?.startsWith(RED)).toBe(true);
  expect(coloured[5]?.startsWith(GREEN)).toBe(true);
});

test('colourPatch: nothing is added without colour', () => {
  expect(colourPatch(PATCH, false)).toEqual(PATCH);
});

test('renderArtifact: a patch cannot speak to the terminal', () => {
  expect(render('patch/change.patch', '+\u001b[2Jgone\r\n')).toEqual(['+␛[2Jgone␍']);
});

test('renderArtifact: JSON is shown as YAML, and as it is when it is none', () => {
  expect(render('job.json', '{"title":"Fix","scope":{"allow":["src/**"]}}')).toEqual([
    'title: Fix',
    'scope:',
    '  allow:',
    '    - src/**',
  ]);
  expect(render('job.json', '{"title"')).toEqual(['{"title"']);
});

test('renderArtifact: check results are a table with name, status, end, seconds and command', () => {
  const check = { argv: ['node', '--test'], stdout_sha256: '', stdout_bytes: 0, stderr_sha256: '', stderr_bytes: 0 };
  const results = {
    schema_version: 1,
    base_commit: 'b',
    patch_sha256: 'p',
    checks: [
      { ...check, name: 'tests', status: 'failed', exit_code: 1, signal: null, duration_ms: 1_234 },
      {
        ...check,
        name: 'lint',
        status: 'timed_out',
        exit_code: null,
        signal: 'SIGKILL',
        duration_ms: 60_000,
        reason: 'slow',
      },
    ],
  };
  expect(render('evidence/test_results.json', JSON.stringify(results))).toEqual([
    'tests  failed       exit 1  1.2 s  node --test',
    'lint   timed out    ended by SIGKILL  60.0 s  node --test  (slow)',
  ]);
  const none = JSON.stringify({ ...results, checks: [] });
  expect(render('evidence/test_results.json', none)).toEqual(['no check was run, so nothing was proved']);
});

test('renderArtifact: check results of another shape are shown all the same', () => {
  expect(render('evidence/test_results.json', '{"checks":1}')).toEqual(['checks: 1']);
  expect(render('evidence/test_results.json', 'no JSON')).toEqual(['no JSON']);
});

test('renderArtifact: what was cut says so, and is not parsed', () => {
  expect(render('job.json', '{"title":', true)).toEqual(['{"title":', '… cut here: the artifact is longer']);
});
