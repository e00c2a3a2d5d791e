import { readChange } from '../../rules/patch/added-lines.js';
import { addedTexts } from '../../rules/patch/patch-lines.js';
import { serveApart } from '../platform/serve-apart.js';
import { createPassedValueScanner } from './passed-values.js';
import { createSecretlintScanner, type ScanAnswer, type ScanOrder, writeTexts } from './secret-scanners.js';

/** The process that scans what a long change adds. */
serveApart(async ({ parts, folder, passed }: ScanOrder, { whole }): Promise<ScanAnswer> => {
  const texts = addedTexts(await readChange(parts, whole));
  if (folder !== null) await writeTexts(folder, texts);
  const scanners = [createSecretlintScanner(), createPassedValueScanner(passed)];
  const hits = (await Promise.all(scanners.map((scanner) => scanner.scan(texts)))).flat();
  return { hits, paths: texts.map(({ path }) => path) };
});
