import { expect, test } from 'vitest';
import { findingsOf } from '../written-patches.js';

const only = (files: Parameters<typeof findingsOf>[1]) => findingsOf('licences', files);

test.each([
  '-// SPDX-License-Identifier: Apache-2.0',
  '-// Copyright 2024 Ada Lovelace',
  '- * Copyright (c) 2020-2024 Acme Inc. All rights reserved.',
  '-# Licensed under the Apache License, Version 2.0',
])('licences: a notice that goes from the head of a file is reported: %s', (line) => {
  const [finding, ...more] = only({ 'src/a.ts': [line, ' const a = 1;'] });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: 'high', blocking: false, path: 'src/a.ts' });
  expect(finding?.message).toContain(line.slice(1).trim());
});

test('licences: another holder is reported, another year is not', () => {
  const with_ = (line: string) => only({ 'a.go': ['-// Copyright 2024 Ada Lovelace', `+${line}`] });
  expect(with_('// Copyright 2024 Grace Hopper')).toHaveLength(1);
  expect(with_('// Copyright 2024-2026 Ada Lovelace')).toEqual([]);
  expect(with_('/* Copyright 2026 Ada Lovelace */')).toEqual([]);
});

test.each([
  ['LICENSE', 'modified', 'high'],
  ['pkg/NOTICE.txt', 'deleted', 'high'],
  ['LICENSE.md', 'added', 'medium'],
] as const)('licences: %s that is %s is reported', (path, status, severity) => {
  const line = status === 'added' ? '+MIT' : '-MIT';
  expect(only({ [path]: { status, hunks: [[line]] } })).toMatchObject([{ severity, blocking: false, path }]);
});

test.each([
  ['src/licence.ts', ['-a', '+b']],
  ['src/a.ts', { status: 'deleted' as const, hunks: [['-// Copyright 2024 Ada Lovelace']] }],
  ['src/a.ts', ['-const text = "Copyright 2024 Ada Lovelace";', '+a']],
  ['src/a.ts', { hunks: [[' a'], ['-// Copyright 2024 Ada Lovelace']] }],
])('licences: %s is fine (%#)', (path, file) => {
  expect(only({ [path]: file })).toEqual([]);
});
