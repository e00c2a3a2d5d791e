import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolders } from './make-folders.js';
import { ownMark, PROCESS_MARK_PATTERN, stateOfMark } from './process-identity.js';

const POLL_MS = 50;
/** A holder on another machine cannot be looked up, so every holder touches its ticket this often … */
const TOUCH_MS = 5_000;
/** … and one that did not for this long counts as dead. */
const UNTOUCHED_MS = 60_000;

const TICKET = new RegExp(`^(choosing|ticket)-(\\d+)-(${PROCESS_MARK_PATTERN})-([0-9a-f]+)$`);

interface Ticket {
  readonly choosing: boolean;
  readonly number: number;
  readonly id: string;
}

interface LockWait {
  /** Ends the wait; the work is not interrupted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait; without it, as long as the holder lives. */
  readonly timeoutMs?: number;
  /** What the caller sees when that time is over. */
  readonly onTimeout?: () => Error;
}

/**
 * Lamport's bakery as files of a folder: one holder at a time, in the order of arrival, across processes. Each ticket has
 * a name that is never used again, so removing the ticket of a dead process cannot hit one of a living process, and a
 * holder that was killed does not block the others.
 * @param folder made when it is missing
 */
export async function withLock<T>(folder: string, wait: LockWait, work: () => Promise<T>): Promise<T> {
  await makeFolders(folder);
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
      await awaitTurn(folder, { number, id }, wait);
      return await work();
    } finally {
      clearInterval(touched);
    }
  } finally {
    await rm(choosing, { force: true });
    if (ticket !== undefined) await rm(ticket, { force: true });
  }
}

async function awaitTurn(
  folder: string,
  own: Pick<Ticket, 'number' | 'id'>,
  { signal, timeoutMs = Number.POSITIVE_INFINITY, onTimeout }: LockWait,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (await othersAreBefore(folder, own)) {
    if (performance.now() > deadline) {
      throw onTimeout?.() ?? new Error(`${folder} was locked for more than ${timeoutMs / 1_000} seconds`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
  signal?.throwIfAborted();
}

/** Reads the folder twice: a reading at the moment when a choosing file gives way to a ticket may show neither. */
async function othersAreBefore(folder: string, own: Pick<Ticket, 'number' | 'id'>): Promise<boolean> {
  for (let reading = 0; reading < 2; reading += 1) {
    const before = (await livingTickets(folder)).some((other) => {
      if (other.id === own.id) return false;
      return other.choosing || other.number < own.number || (other.number === own.number && other.id < own.id);
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
    else living.push({ choosing: kind === 'choosing', number: Number(number), id: `${mark}-${random}` });
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
