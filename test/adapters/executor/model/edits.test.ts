import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerText, type BoxedModel, linesOf, startBoxedModel } from './boxed-model.js';

let boxed: BoxedModel;
beforeAll(async () => {
  boxed = await startBoxedModel();
});
afterAll(() => boxed.close());
beforeEach(async () => {
  execFileSync('git', ['-C', boxed.checkout, 'clean', '-qfdx']);
  await boxed.put('src/split.js', 'export function split(total, people) {\n  return total / people;\n}\n');
});

const file = (path: string): string => readFileSync(join(boxed.checkout, path), 'utf8');
const DONE = { kind: 'text', text: answerText('P05') } as const;
const DIFF = `--- a/src/split.js
+++ b/src/split.js
@@ -1,9 +1,9 @@
 export function split(total, people) {
-  return total / people;
+  return Math.floor(total / people);
 }
`;
const CHANGED = 'export function split(total, people) {\n  return Math.floor(total / people);\n}\n';

describe.runIf(process.platform === 'linux')('model executor at P05', () => {
  test('edits by tools: reads, writes and applies a diff, whatever the counts of its hunks', async () => {
    boxed.server.script([
      { kind: 'tool', name: 'read_file', input: { path: 'src/split.js' } },
      { kind: 'tool', name: 'apply_diff', input: { diff: DIFF } },
      { kind: 'tool', name: 'write_file', input: { path: 'test/new/split.test.js', content: 'test();\n' } },
      DONE,
    ]);
    const outcome = await boxed.execute({ gate: 'P05' });
    expect(outcome).toMatchObject({ problem: null });
    expect(file('src/split.js')).toBe(CHANGED);
    expect(file('test/new/split.test.js')).toBe('test();\n');
    expect(linesOf(outcome)).toContainEqual(
      expect.objectContaining({ type: 'tool_call', tool: 'write_file', arguments: expect.any(Object) }),
    );
    expect(linesOf(outcome)).toContainEqual(
      expect.objectContaining({ type: 'tool_result', characters: 'written, 8 bytes'.length }),
    );
    boxed.server.assertDone();
  });

  test('edits by tools: nothing outside the checkout is read or written, and git keeps its folder', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'promptos-outside-'));
    try {
      writeFileSync(join(outside, 'secret'), 'secret word');
      symlinkSync(outside, join(boxed.checkout, 'way-out'));
      symlinkSync(join(outside, 'secret'), join(boxed.checkout, 'linked'));
      symlinkSync('.git', join(boxed.checkout, 'history'));
      const write = (path: string) => ({ kind: 'tool', name: 'write_file', input: { path, content: 'x' } }) as const;
      const read = (path: string) => ({ kind: 'tool', name: 'read_file', input: { path } }) as const;
      const attempts = [
        ...[write(join(outside, 'new')), write('../new'), write('src/../../new'), write('way-out/new')],
        ...[write('.git/hooks/pre-commit'), write('.GIT/config'), write('history/config'), write('sub/.git/config')],
        ...[
          write('linked'),
          write('C:\\new'),
          write('~/new'),
          read('way-out/secret'),
          read('linked'),
          read('/etc/passwd'),
        ],
        { kind: 'tool', name: 'list_files', input: { path: '..' } } as const,
        { kind: 'tool', name: 'search_files', input: { text: 'secret', path: 'way-out' } } as const,
        {
          kind: 'tool',
          name: 'apply_diff',
          input: { diff: '--- /dev/null\n+++ b/../new\n@@ -0,0 +1 @@\n+x\n' },
        } as const,
      ];
      boxed.server.script([...attempts, DONE]);
      const outcome = await boxed.execute({ gate: 'P05' });
      expect(outcome).toMatchObject({ problem: null });
      const lines = linesOf(outcome);
      expect(lines.filter(({ type }) => type === 'tool_error')).toHaveLength(attempts.length);
      expect(lines.filter(({ type }) => type === 'tool_result')).toEqual([]);
      expect(existsSync(join(outside, 'new'))).toBe(false);
      expect(file('.git/config')).not.toBe('x');
      expect(boxed.server.calls.at(-1)?.text).not.toContain('secret word');
      expect(boxed.server.calls.at(-1)?.text).toContain('is in the folder of git');
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  });

  test('edits by diff: a diff that does not apply is asked for again, and changes nothing until it does', async () => {
    const wrong = DIFF.replace('total / people;', 'total / persons;');
    const said = (diff: string) => `\`\`\`diff\n${diff}\`\`\`\n\`\`\`json\n${answerText('P05')}\n\`\`\`\n`;
    boxed.server.script([
      {
        kind: 'text',
        text: said(`--- /dev/null\n+++ b/src/new.js\n@@ -0,0 +1 @@\n+1;\n${wrong}`),
      },
      () => {
        expect(existsSync(join(boxed.checkout, 'src/new.js'))).toBe(false);
        return { kind: 'text', text: said(`--- /dev/null\n+++ b/src/new.js\n@@ -0,0 +1 @@\n+1;\n${DIFF}`) };
      },
    ]);
    const outcome = await boxed.execute({ gate: 'P05', config: { edits: 'diff' } });
    expect(outcome).toMatchObject({ problem: null });
    expect(boxed.server.calls[1]?.text).toContain('does not apply to \\"src/split.js\\"');
    expect([file('src/split.js'), file('src/new.js')]).toEqual([CHANGED, '1;\n']);
    boxed.server.assertDone();
  });

  test('edits by diff: edits that cannot be made are a bad answer', async () => {
    boxed.server.script([{ kind: 'text', text: 'I would change split.' }], { repeats: true });
    expect(await boxed.execute({ gate: 'P05', config: { edits: 'diff' } })).toMatchObject({
      answer: null,
      problem: expect.stringContaining("The model's edits cannot be made: There is no closed block"),
    });
  });

  test('edits by files: whole files are written and removed, and the answer is asked for when it is missing', async () => {
    await boxed.put('src/old.js', 'old;\n');
    boxed.server.script([
      {
        kind: 'text',
        text: `<file path="src/split.js">\n${CHANGED}</file>\n<file path="a/b.js">\n\`\`\`js\nb;\n\`\`\`\n</file>\n<delete path="src/old.js"/>\n`,
      },
      DONE,
    ]);
    expect(await boxed.execute({ gate: 'P05', config: { edits: 'files' } })).toMatchObject({ problem: null });
    expect([file('src/split.js'), file('a/b.js')]).toEqual([CHANGED, 'b;\n']);
    expect(existsSync(join(boxed.checkout, 'src/old.js'))).toBe(false);
    boxed.server.assertDone();
  });

  test('edits by files: an escalation needs none', async () => {
    const texts = {
      issue: 'The plan names no file.',
      impact: 'None.',
      context: 'None.',
      recommendation: 'A new plan.',
    };
    const report = { ...texts, options: ['rework'] };
    boxed.server.script([{ kind: 'text', text: JSON.stringify({ kind: 'escalation', report }) }]);
    const outcome = await boxed.execute({ gate: 'P05', config: { edits: 'files' } });
    expect(outcome.answer).toContain('escalation');
    boxed.server.assertDone();
  });
});
