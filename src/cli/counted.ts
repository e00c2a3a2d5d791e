/** A count with its noun, such as `1 warning` or `2 warnings`; for nouns whose plural ends in s. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
