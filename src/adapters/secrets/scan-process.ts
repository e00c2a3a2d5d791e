import { readChange } from '../../rules/added-lines.js';
import { addedTexts } from '../../rules/patch-lines.js';
import { serveApart } from '../platform/serve-apart.js';
import { createSecretlintScanner, type ScanAnswer, type ScanOrder, writeTexts } from './secret-scanners.js';

/** The process that scans what a long change adds. */
serveApart(async ({ parts, folder }: ScanOrder, { whole }): Promise<ScanAnswer> => {
  const texts = addedTexts(await readChange(parts, whole));
  if (folder !== null) await writeTexts(folder, texts);
  return { hits: await createSecretlintScanner().scan(texts), paths: texts.map(({ path }) => path) };
});
