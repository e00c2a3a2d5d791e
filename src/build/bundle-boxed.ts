import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/*
 * Part of `npm run build`: each program that runs in the box as one file, `dist/boxed/NAME.js`, from `boxed/NAME/main.js`.
 * So the box shows that file and no package.
 */

const BOXED = fileURLToPath(new URL('../boxed', import.meta.url));

const entries = await readdir(BOXED, { withFileTypes: true });
const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
await mkdir(BOXED, { recursive: true });
for (const name of names) {
  const bundle = await rolldown({ input: join(BOXED, name, 'main.js'), platform: 'node' });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  const [program, ...rest] = output;
  if (rest.length > 0) throw new Error(`${name} was bundled into ${output.length} files; expected one.`);
  await writeFile(join(BOXED, `${name}.js`), program.code);
}
