import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownMark, PROCESS_MARK_PATTERN, stateOfMark } from './process-identity.js';

const POLL_MS = 50;
/** A holder that cannot be asked after touches its ticket this often … */
const TOUCH_MS = 5_000;
/** … and counts as dead when it has not for this long. */
const UNTOUCHED_MS = 60_000;

const TICKET = new RegExp(`^(choosing|ticket)-(\\d+)-(${PROCESS_MARK_PATTERN})-([0-9a-f]+)$`);

interface Ticket {
  readonly name: string;
  readonly choosing: boolean;
  readonly number: number;
  readonly mark: string;
  readonly id: string;
}

/**
 * Lamport's bakery as files of a folder: one holder at a time, in the order of arrival, across processes. Each ticket
 * has a name of its own that is never used again, so that removing a dead process's ticket cannot hit a living one, and
 * a holder that was killed with `kill -9` stands in nobody's way.
 */
export async function withLock<T>(folder: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const id = `${ownMark()}-${randomBytes(8).toString('hex')}`;
  const choosing = join(folder, `choosing-0-${id}`);
  await writeFile(choosing, '');
  let ticket: string | undefined;
  try {
    const number = 1 + Math.max(0, ...(await livingTickets(folder)).map((other) => other.number));
    const name = `ticket-${number}-${id}`;
    ticket = join(folder, name);
    await writeFile(ticket, '');
    await rm(choosing);
    const touched = setInterval(() => touch(join(folder, name)), TOUCH_MS).unref();
    try {
      while (await somebodyIsBefore(folder, number, id)) await sleep(POLL_MS, undefined, { signal });
      signal?.throwIfAborted();
      return await work();
    } finally {
      clearInterval(touched);
    }
  } finally {
    await rm(choosing, { force: true });
    if (ticket !== undefined) await rm(ticket, { force: true });
  }
}

/** Looked at twice: a folder that is read while a choosing mark turns into a ticket may show neither of them. */
async function somebodyIsBefore(folder: string, number: number, id: string): Promise<boolean> {
  for (let look = 0; look < 2; look += 1) {
    const before = (await livingTickets(folder)).some((other) => {
      if (other.id === id) return false;
      return other.choosing || other.number < number || (other.number === number && other.id < id);
    });
    if (before) return true;
  }
  return false;
}

async function livingTickets(folder: string): Promise<readonly Ticket[]> {
  const living: Ticket[] = [];
  for (const name of await readdir(folder)) {
    const [, kind, number, mark = '', random] = TICKET.exec(name) ?? [];
    if (kind === undefined) continue;
    if (await isDead(join(folder, name), mark)) await rm(join(folder, name), { force: true });
    else living.push({ name, choosing: kind === 'choosing', number: Number(number), mark, id: `${mark}-${random}` });
  }
  return living;
}

async function isDead(path: string, mark: string): Promise<boolean> {
  const state = stateOfMark(mark);
  if (state !== 'elsewhere') return state === 'dead';
  const touched = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return Date.now() - touched > UNTOUCHED_MS;
}

function touch(path: string): void {
  const now = new Date();
  utimes(path, now, now).catch(() => undefined);
}
