import type { CheckOutcome, VerifyTrust } from '../../verify/index.js';
import type { Output } from '../output.js';
import { printable, printableLine } from '../printable.js';

/** A line a check; what failed says where, what was expected and what was found. */
export function showOutcome(output: Output, { title, status, failure, remarks }: CheckOutcome): void {
  if (status === 'ok') output.say(`ok      ${title}`);
  else if (status === 'not_checked') output.say(`–       ${title} (stands on what failed before)`);
  else output.say(`FAILED  ${title}: ${failure?.code}`);
  if (status === 'failed' && failure !== null) {
    output.say(`        ${failure.message}`);
    if (failure.path !== null) output.say(`        at        ${printableLine(failure.path)}`);
    output.say(`        expected  ${printable(failure.expected)}`);
    output.say(`        found     ${printable(failure.found)}`);
  }
  for (const remark of remarks) output.say(`        NOTE: ${printableLine(remark)}`);
}

/** What nobody may overlook: without a policy of one's own, nothing outside the tree was asked. */
export function warnOfNoTrust(output: Output, { policies }: VerifyTrust): void {
  if (policies.length > 0) return;
  output.note('WARNING: no --policy was given, so the tree vouches for itself: whoever made it could have');
  output.note('         made up its policy and its keys too. Hand in the policy that you trust.');
}
