import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { type CheckOutcome, type VerifyTrust, verifyTree } from '../../verify/index.js';
import { describeWaiver, withExpired } from '../describe-waiver.js';
import { printableLine } from '../printable.js';
import type { StoreCommandContext } from '../published-run.js';
import { openTarget } from './open-target.js';
import { showOutcome, warnOfNoTrust } from './show-outcome.js';

/** Verifies one tree, telling of each check as it is done. @returns whether it is verified */
export async function verifyOne(context: StoreCommandContext, target: string, trust: VerifyTrust): Promise<boolean> {
  const output = context.output();
  const { reader, ...named } = await openTarget(context, target);
  warnOfNoTrust(output, trust);
  const outcomes: CheckOutcome[] = [];
  for await (const outcome of verifyTree(reader, { ...trust, ...named })) {
    outcomes.push(outcome);
    showOutcome(output, outcome);
    output.emit(outcome);
  }
  if (outcomes.length === 0) throw new PromptOsError('INTERNAL', 'Nothing was checked.');
  const first = outcomes.find(({ status }) => status === 'failed');
  const remarks = outcomes.flatMap((outcome) => outcome.remarks);
  const left = outcomes.flatMap(({ not_recomputed = [] }) => not_recomputed);
  const incomplete = first?.failure?.code === 'TREE_INCOMPLETE';
  const waivers = outcomes.flatMap((outcome) => outcome.waivers ?? []);
  const now = Date.now();
  const unprotected = outcomes.flatMap((outcome) => outcome.unprotected_keys ?? []);
  const { code = null, path = null, expected = null, found = null } = first?.failure ?? {};
  output.emit({
    target,
    verified: first === undefined,
    incomplete,
    self_vouching: trust.policies.length === 0,
    code,
    path,
    expected,
    found,
    remarks,
    not_recomputed: left,
    waivers: withExpired(waivers, now),
    unprotected_keys: unprotected,
  });
  const but = remarks.length === 0 ? '' : `, with ${counted(remarks.length, 'note')} above`;
  if (left.length > 0) output.say('\nNot recomputed from the tree alone:');
  for (const one of left) output.say(`- ${one}`);
  if (waivers.length > 0) output.say('\nWaived by an integrator:');
  for (const line of waivers.flatMap((waiver) => describeWaiver(waiver, now))) output.say(`  ${line}`);
  if (unprotected.length > 0) output.say('\nKeys without a passphrase, as the programs that signed with them say:');
  for (const { principal, keyid, acts } of unprotected) {
    output.say(`- ${printableLine(keyid)} of ${printableLine(principal)}, which signed ${counted(acts, 'message')}`);
  }
  if (first === undefined) output.say(`\nVerified: ${counted(outcomes.length, 'check')}${but}.`);
  else if (incomplete) output.say(`\n${sayIncomplete(outcomes)}`);
  else output.say(`\nNOT VERIFIED: ${code} at ${printableLine(path ?? 'the tree')}.`);
  return first === undefined;
}

/** What there is of a run without a record is never verified; whether its parts hold is said beside. */
function sayIncomplete(outcomes: readonly CheckOutcome[]): string {
  const failed = outcomes.filter(({ status }) => status === 'failed').length - 1;
  const parts = failed === 0 ? 'What could be checked of it holds.' : `${counted(failed, 'more check')} failed.`;
  return `INCOMPLETE, not verified: the run was not finalised, and this is no record. ${parts}`;
}
