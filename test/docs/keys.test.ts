import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { signerConfigSchema } from '../../src/contracts/config/signer-config.js';
import { policyKeySchema } from '../../src/contracts/keys.js';
import { nameSchema } from '../../src/contracts/primitives.js';
import { readPublicKeyLine } from '../../src/domain/attest/public-keys.js';

const page = await readFile(new URL('../../docs/keys.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm)].map(([, indent = '', text = '']) =>
  parse(text.replaceAll(new RegExp(`^${indent}`, 'gm'), '')),
);

test("docs/keys.md: the worker's keys are as the config has them", () => {
  const { signers } = blocks.find((block) => 'signers' in block);
  const read = z.record(nameSchema, signerConfigSchema).parse(signers);
  expect(Object.keys(read)).toEqual(['claude-writer', 'codex-verifier', 'gemini-reviewer', 'engine']);
});

test('docs/keys.md: the keys of the rotation are as the policy has them, and overlap', () => {
  const { principals } = blocks.find((block) => 'principals' in block);
  const [old, next] = z.array(policyKeySchema).parse(principals.grace.keys);
  expect(Date.parse(next?.valid_from ?? '')).toBeLessThan(Date.parse(old?.valid_until ?? ''));
  for (const key of [old, next]) expect(readPublicKeyLine(key?.public ?? '')).not.toBeNull();
});

test('docs/keys.md: the fingerprint shown is that of the key shown', () => {
  const line = /- public: (ssh-ed25519 \S+ grace)\n```/.exec(page)?.[1] ?? '';
  expect(page).toContain(`fingerprint  ${readPublicKeyLine(line)?.keyid}\n`);
});
