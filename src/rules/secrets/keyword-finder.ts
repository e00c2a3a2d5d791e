/** Codes of ASCII; a pair of them is one index of the table. */
const ASCII = 128;

/**
 * Finds which of many words a text has, in one pass over it: a search for each word reads a text of some megabytes as
 * often as there are words.
 */
export function keywordFinder(words: readonly string[]): (text: string) => ReadonlySet<string> {
  const unique = [...new Set(words)];
  const pairOf = (text: string, at: number): number => {
    const [first, second] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
    return first < ASCII && second < ASCII ? first * ASCII + second : -1;
  };
  const byPair = new Map<number, string[]>();
  for (const word of unique) {
    const pair = pairOf(word, 0);
    if (pair !== -1) byPair.set(pair, [...(byPair.get(pair) ?? []), word]);
  }
  // Words of one letter, or of another alphabet, have no pair.
  const others = unique.filter((word) => pairOf(word, 0) === -1);
  const starts = Uint8Array.from({ length: ASCII * ASCII }, (_, pair) => (byPair.has(pair) ? 1 : 0));
  return (text) => {
    const found = new Set(others.filter((word) => text.includes(word)));
    const open = starts.slice();
    let first = text.charCodeAt(0);
    for (let at = 1; at < text.length; at += 1) {
      const second = text.charCodeAt(at);
      const pair = first * ASCII + second;
      const isAscii = (first | second) < ASCII;
      first = second;
      if (!isAscii || open[pair] === 0) continue;
      const candidates = byPair.get(pair) ?? [];
      for (const word of candidates) if (text.startsWith(word, at - 1)) found.add(word);
      // What was found once is not looked for again.
      if (candidates.every((word) => found.has(word))) open[pair] = 0;
    }
    return found;
  };
}
