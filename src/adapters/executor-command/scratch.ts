import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of one execution, fresh and empty. */
export interface Scratch {
  /** The folder that holds the others, and that goes at the end. */
  readonly root: string;
  readonly home: string;
  /** Where the command may leave files, its answer among them. */
  readonly files: string;
}

/** Makes scratch folders under `parent`, and removes them whatever the work does. */
export async function withScratch<T>(parent: string, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(join(parent, 'promptos-exec-'));
  const scratch = { root, home: join(root, 'home'), files: join(root, 'files') };
  try {
    await mkdir(scratch.home);
    await mkdir(scratch.files);
    return await work(scratch);
  } finally {
    await removeTree(root);
  }
}

/** Never throws: a folder that cannot be removed must not take the command's result with it. */
async function removeTree(root: string): Promise<void> {
  const remove = () => rm(root, { recursive: true, force: true, maxRetries: 3 });
  // Some tools write-protect the folders of their caches, and then nothing in them can be removed.
  await remove()
    .catch(() => makeWritable(root).then(remove))
    .catch(() => undefined);
}

async function makeWritable(folder: string): Promise<void> {
  if (!(await lstat(folder)).isDirectory()) return;
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}
