import type { Policy } from '../../contracts/policy.js';

/** Who made a commit, as the commit says. */
export interface Committer {
  readonly name: string;
  readonly email: string;
}

/** One form for names that people write in several ways: case, width and spaces do not count. */
const folded = (name: string): string => name.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase();

/** What a committer may be known by: the name, the address, and what stands before its `@`, with and without a tag. */
function namesOf({ name, email }: Committer): ReadonlySet<string> {
  const local = email.split('@')[0] ?? '';
  const [before = '', after] = local.split('+');
  // 1234567+ada@users.noreply.github.com is the account ada; ada+work@example.org is the mailbox ada.
  const account = /@users\.noreply\./i.test(email) && after !== undefined ? after : before;
  return new Set([name, email, local, account].map(folded).filter((text) => text !== ''));
}

/** The names of a principal: its own, and the one that the policy shows for it. */
export function namesOfPrincipal(principal: string, policy: Policy | null): readonly string[] {
  const same = Object.entries(policy?.principals ?? {}).filter(([name]) => folded(name) === folded(principal));
  return [principal, ...same.flatMap(([name, { display_name }]) => [name, ...(display_name ? [display_name] : [])])];
}

/**
 * Whether a committer goes by one of these names. Commits are not signed by principals' keys, so this catches mistakes
 * and haste, not somebody who commits under a false name.
 */
export function isCommitter(committer: Committer, names: readonly string[]): boolean {
  const known = namesOf(committer);
  return names.some((name) => known.has(folded(name)));
}
