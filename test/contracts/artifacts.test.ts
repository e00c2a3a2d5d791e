import { expect, test } from 'vitest';
import {
  artifactOf,
  filledPath,
  GATE_ARTIFACTS,
  GATE_PATHS,
  mediaTypeOf,
  neededArtifacts,
  RUN_ARTIFACTS,
} from '../../src/contracts/artifacts.js';
import { attestationPaths, escalationPath, TREE_PATHS } from '../../src/domain/record/published-tree.js';

test.each([
  ['evidence/attempts/P05/2/attempt.json', 'application/json'],
  ['evidence/attempts/P05/2/patch/change.patch', 'text/x-patch'],
  ['evidence/attempts/P06/1/try-3/answer.txt', 'text/plain'],
  ['findings.sarif', 'application/sarif+json'],
  ['evidence/checks/unit.tests.stdout.txt', 'text/plain'],
  [escalationPath('E4.1'), 'application/json'],
  [attestationPaths.decision(7), 'application/vnd.dsse.envelope.v1+json'],
  [attestationPaths.provenance('P05', 1), 'application/vnd.dsse.envelope.v1+json'],
  [attestationPaths.bundle, 'application/jsonl'],
  [TREE_PATHS.policyYaml, 'application/yaml'],
])('mediaTypeOf: %s is %s', (path, mediaType) => {
  expect(mediaTypeOf(path)).toBe(mediaType);
});

test.each(['other.txt', 'evidence/', 'evidence/checks/../x.stdout.txt', 'run_record.jsonx', 'xrun_record.json'])(
  'mediaTypeOf: refuses %s, which no tree has',
  (path) => {
    expect(artifactOf(path)).toBeNull();
    expect(() => mediaTypeOf(path)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  },
);

test('the table of artifacts: no path is in it twice', () => {
  const paths = [...Object.values(RUN_ARTIFACTS), ...Object.values(GATE_ARTIFACTS).flat()].map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
});

test('filledPath: leaves a part that is not given', () => {
  expect(filledPath('a/<gate>/<attempt>', { gate: 'P01' })).toBe('a/P01/<attempt>');
});

test('neededArtifacts: an output of P05 has a trace of plan and patch from version 3 of the rules on', () => {
  const needed = (rulesVersion: number) =>
    neededArtifacts('P05', 1, { rulesVersion, hasOutput: true, signed: false, blockingBaseline: false, checks: [] });
  expect(needed(3)).toContain(GATE_PATHS.traceability);
  expect(needed(2)).not.toContain(GATE_PATHS.traceability);
});
