import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PLUGIN_PAGE = readFileSync(fileURLToPath(new URL('../../docs/plugin.md', import.meta.url)), 'utf8');

/** The files of a page: each block of TypeScript names its own in the first line. */
export function pageFiles(text: string): ReadonlyMap<string, string> {
  const blocks = [...text.matchAll(/^```ts\n(\/\/ ([\w-]+\.ts)\n[\s\S]*?)^```$/gm)];
  return new Map(blocks.map(([, code = '', name = '']) => [name, code]));
}
