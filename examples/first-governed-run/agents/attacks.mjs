const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const pairs = (totals, counts) => totals.flatMap((total) => counts.map((people) => [total, people]));

/** What the reviewer tries, in groups. `hostile` bills are invalid and must be refused. */
export function attackGroups() {
  return [
    {
      name: 'every bill of 0 to 300 cents between 1 and 12 people',
      severity: 'high',
      hostile: false,
      bills: pairs(range(0, 300), range(1, 12)),
    },
    {
      name: 'large totals between odd numbers of people',
      severity: 'high',
      hostile: false,
      bills: pairs([99_999, 123_457, 10 ** 12 + 1, Number.MAX_SAFE_INTEGER], [1, 2, 3, 7, 11, 97, 1_000]),
    },
    {
      name: 'refunds: negative totals',
      severity: 'medium',
      hostile: false,
      bills: pairs([-1, -100, -1_001], [1, 2, 3, 7]),
    },
    {
      name: 'bills between no people, fewer than none, half a person, and what is no number',
      severity: 'medium',
      hostile: true,
      bills: pairs([100, 1_000], [0, -1, 2.5, Number.NaN]),
    },
    {
      name: 'totals that are no whole cents',
      severity: 'low',
      hostile: true,
      bills: pairs([10.5, Number.NaN], [2, 3]),
    },
  ];
}

const call = ([total, people], result) =>
  `splitBill(${total}, ${people}) ${result.error === undefined ? `gave ${list(result.shares)}` : `threw ${result.error}`}`;

const list = (shares) =>
  Array.isArray(shares) && shares.length > 8
    ? `[${shares.slice(0, 8).join(', ')}, … ${shares.length} shares]`
    : JSON.stringify(shares);

/**
 * What one call shows to be wrong.
 *
 * @param {{ hostile: boolean }} group
 * @param {[number, number]} bill
 * @param {{ shares?: unknown, error?: string }} result
 * @param {'first' | 'last' | null} rule who pays the left-over cents, according to the plan
 * @returns {{ kind: string, seen: string }[]}
 */
export function judgeAttack(group, bill, result, rule) {
  const problem = (kind) => [{ kind, seen: call(bill, result) }];
  if (group.hostile) return result.error === undefined ? problem('A senseless bill is not refused') : [];
  const [total, people] = bill;
  const { shares } = result;
  if (!Array.isArray(shares) || shares.length !== people) return problem('Not one share for each person');
  if (!shares.every(Number.isInteger)) return problem('Shares are no whole cents');
  // BigInt, since the sum of large shares may leave the integers that a number holds exactly.
  if (shares.reduce((sum, share) => sum + BigInt(share), 0n) !== BigInt(total))
    return problem('The shares do not add up');
  if (Math.max(...shares) - Math.min(...shares) > 1) return problem('Shares differ by more than one cent');
  const ordered = shares.every((share, index) => {
    if (index === 0 || rule === null) return true;
    return rule === 'first' ? share <= shares[index - 1] : share >= shares[index - 1];
  });
  return ordered ? [] : problem(`Not the ${rule} people pay the left-over cents`);
}
