import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** A line of the user or the group database: name, and its number. Null where neither the system nor the file has it. */
async function findAccount(database: 'passwd' | 'group', wanted: string): Promise<{ name: string; id: number } | null> {
  // Users may come from a directory service, which only the system's own program asks; macOS has no such program.
  const { exitCode, stdout } = await execa('getent', [database, wanted], { reject: false, stdin: 'ignore' });
  const text = exitCode === 0 ? stdout : await readFile(`/etc/${database}`, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name === wanted || id === wanted) return { name, id: Number(id) };
  }
  return null;
}

/** @param group its name, or its number, which need not have a name @returns the group's number, or null */
export async function findGroupId(group: string): Promise<number | null> {
  const found = await findAccount('group', group);
  return found?.id ?? (/^\d{1,9}$/.test(group) ? Number(group) : null);
}

/** A user's name, or its number where it has none. */
export const userName = async (uid: number): Promise<string> =>
  (await findAccount('passwd', String(uid)))?.name ?? `user ${uid}`;
