/** JSON as it is published: two-space indented, one trailing newline. */
export const prettyJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
