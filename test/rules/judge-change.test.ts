import { describe, expect, test } from 'vitest';
import { isKnown, judgeForm } from '../../src/rules/judge-change.js';
import { blockingFinding, plainFinding } from '../../src/rules/outputs/judged-output.js';
import { parsePatch } from '../../src/rules/patch/parse-patch.js';
import { changed } from './patches.js';

const recorded = (finding: ReturnType<typeof plainFinding>) => ({ id: 'a-1', ...finding });

describe('isKnown', () => {
  const binary = plainFinding('binary', 'medium', 'x is binary', { path: 'x' });
  const plan = blockingFinding('plan', 'x is not planned', { path: 'x' });

  test('a finding that blocks nothing is known when the record of P05 has it word for word', () => {
    expect(isKnown(binary, [recorded(binary)], [])).toBe(true);
    expect(isKnown(binary, [recorded({ ...binary, message: 'y' })], [])).toBe(false);
  });

  test('a finding that blocks is known only when its rule can be waived and the record says that it blocks', () => {
    expect(isKnown(plan, [recorded(plan)], [])).toBe(false);
    expect(isKnown(plan, [recorded(plan)], ['plan'])).toBe(true);
    expect(isKnown(plan, [recorded({ ...plan, blocking: false })], ['plan'])).toBe(false);
    expect(isKnown(plan, [recorded({ ...plan, severity: 'low' })], ['plan'])).toBe(false);
  });
});

describe('judgeForm', () => {
  const text = 'diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n';
  const seen = (...files: Parameters<typeof changed>[0][]) => ({
    bytes: Buffer.from(text),
    files: files.map((path) => changed(path)),
    added_lines: [],
  });

  test('a text that says what git does is in order', () => {
    expect(judgeForm(parsePatch(Buffer.from(text)), seen('x'))).toEqual([]);
  });

  test('a file that git changes and the text does not name is a violation', () => {
    const findings = judgeForm(parsePatch(Buffer.from(text)), seen('x', 'y'));
    expect(findings).toMatchObject([{ rule: 'patch_form', blocking: true, path: 'y', escalates: 'rule_violation' }]);
  });
});
