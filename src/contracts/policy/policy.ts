import type { z } from 'zod';
import { ENGINE_SIGNER } from '../config/signer-config.js';
import { own } from '../json.js';
import type { PolicyKey } from '../keys.js';
import { GATE_IDS } from '../names.js';
import { portablePathProblem } from '../portable-path.js';
import { executorRoleSchema } from '../primitives.js';
import { counted } from '../sentences.js';
import { type PolicyFields, policyFieldsSchema } from './policy-fields.js';

/**
 * Who may do what, and which rules and checks hold. Pinned by its digest when a run starts.
 * Durations are written as text (`24h`) and parsed to milliseconds.
 */
export const policySchema = policyFieldsSchema.superRefine(refuseContradictions);
export type Policy = z.infer<typeof policySchema>;

/** What two fields of a policy say against each other, or against a third one. */
function refuseContradictions(policy: PolicyFields, context: z.RefinementCtx): void {
  const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  for (const name of Object.keys(policy.checks)) {
    // The logs of a check are files of its name.
    if (portablePathProblem(`${name}.stdout.txt`) === null) continue;
    problem(['checks', name], `expected a name that a file may have on every system, received "${name}"`);
  }
  if (Object.hasOwn(policy.principals, ENGINE_SIGNER)) {
    problem(['principals', ENGINE_SIGNER], 'is the name of the engine, whose keys are under `engine`');
  }
  const held = new Map<string, string>();
  const bind = (name: string, role: string, path: (string | number)[]) => {
    const principal = own(policy.principals, name);
    if (principal === undefined) problem(path, `"${name}" is not among the principals`);
    const other = held.get(name);
    if (other !== undefined) problem(path, `"${name}" is ${other} already: no principal holds two roles`);
    held.set(name, role);
    return principal;
  };
  for (const role of executorRoleSchema.options) bind(policy.roles[role], role, ['roles', role]);
  for (const [index, name] of policy.roles.integrator.entries()) {
    const principal = bind(name, 'integrator', ['roles', 'integrator', index]);
    if (principal?.kind === 'agent') {
      problem(['roles', 'integrator', index], `"${name}" is an agent: an integrator is a human`);
    }
  }
  for (const [index, name] of (policy.cancellation?.principals ?? []).entries()) {
    if (own(policy.principals, name) === undefined)
      problem(['cancellation', 'principals', index], `"${name}" is not among the principals`);
  }
  requireKeys(policy, problem);
  for (const gate of GATE_IDS) {
    // A policy without integrators is refused by itself.
    if (policy.approvals[gate] > Math.max(1, policy.roles.integrator.length)) {
      problem(
        ['approvals', gate],
        `asks ${counted(policy.approvals[gate], 'approval')} of ${counted(policy.roles.integrator.length, 'integrator')}`,
      );
    }
  }
  for (const [index, check] of policy.default_checks.entries()) {
    if (own(policy.checks, check) === undefined)
      problem(['default_checks', index], `"${check}" is not among the checks`);
  }
  const { remind, escalate, expire } = policy.deadlines;
  // A duration that could not be read is no number, and is reported by itself.
  if (remind > escalate || escalate > expire) {
    problem(['deadlines'], 'expected remind ≤ escalate ≤ expire');
  }
}

/** Every duty that must sign has a key, and no key serves two. */
function requireKeys(policy: PolicyFields, problem: (path: (string | number)[], message: string) => void): void {
  const holders = new Map<string, string>();
  const claim = (holder: string, path: (string | number)[], keys: readonly PolicyKey[]) => {
    for (const [index, { public: line }] of keys.entries()) {
      const key = line.split(' ')[1] ?? line;
      const other = holders.get(key);
      if (other !== undefined && other !== holder) {
        problem([...path, 'keys', index], `the key of "${other}": no key serves two principals`);
      }
      holders.set(key, holder);
    }
  };
  for (const [name, { keys }] of Object.entries(policy.principals)) claim(name, ['principals', name], keys);
  claim('the engine', ['engine'], policy.engine.keys);
  const needKey = (name: string, why: string) => {
    if (own(policy.principals, name)?.keys.length === 0) {
      problem(['principals', name], `has no keys, but ${why}; \`promptos keys generate --for ${name}\` makes one`);
    }
  };
  if (policy.decisions.authentication === 'required') {
    for (const name of policy.roles.integrator) needKey(name, 'decisions must be signed (decisions.authentication)');
    for (const name of policy.cancellation?.principals ?? []) {
      needKey(name, 'cancellations must be signed (decisions.authentication)');
    }
  }
  if (policy.attestations === 'required') {
    for (const role of executorRoleSchema.options) needKey(policy.roles[role], 'results must be signed (attestations)');
    if (policy.engine.keys.length === 0) {
      problem(['engine'], 'has no keys, but records must be signed (attestations)');
    }
  }
}
