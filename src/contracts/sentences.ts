/** A count with its noun, such as `1 warning`, `2 warnings` or `2 entries`; for nouns whose plural ends in s. */
export const counted = (count: number, noun: string): string =>
  `${count} ${count === 1 ? noun : `${noun.replace(/([^aeiou])y$/, '$1ie')}s`}`;

/** The same for a text that a verifier writes again: before version 2 of the rules the noun always had its s. */
export const countedByRules = (rulesVersion: number, count: number, noun: string): string =>
  rulesVersion >= 2 ? counted(count, noun) : `${count} ${noun}s`;

/** A text that ends a sentence: it gets a full stop unless it ends in a mark of its own. */
export const endSentence = (text: string): string => (/[.!?…]["')]?$/.test(text) ? text : `${text}.`);

/** A text within a sentence: without the full stop that it ends in. */
export const withinSentence = (text: string): string => text.replace(/(?<!\.)\.$/, '');

/**
 * A name as principals and repositories have it: a name that fits already stays as it is; `Ada Lovelace` becomes
 * `ada-lovelace`, `Zoë` becomes `zoe`.
 * @returns null when nothing of the text can be typed
 */
export function slugName(text: string): string | null {
  const given = text.trim();
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(given)) return given;
  const slug = given
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._@+]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64)
    .replace(/-+$/, '');
  return slug === '' ? null : slug;
}

/** Number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let best = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] as number) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] as number;
}

/** The known name that was most likely meant, or null when none is near. Upper and lower case count as the same. */
export function nearestName(given: string, known: Iterable<string>): string | null {
  // A name of a thousand letters is no typing error, and comparing it would take long.
  if (given.length > 100) return null;
  let nearest: string | null = null;
  let least = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < least && distance < name.length) {
      nearest = name;
      least = distance;
    }
  }
  return nearest;
}

/** ` Did you mean "…"?` with a leading space, or nothing when no known name is near. */
export function suggestName(given: string, known: Iterable<string>): string {
  const nearest = nearestName(given, known);
  return nearest === null ? '' : ` Did you mean "${nearest}"?`;
}

/** A text whose URLs have no name and password any more. */
export const withoutUserInfo = (text: string): string => text.replace(/\/\/[^/\s@]+@/g, '//…@');
