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
