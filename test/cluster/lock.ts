import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A process, told apart from a later one with the same id by the time it began (where the system tells it). */
export function processIdentity(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${pid} ${fields[19]}`;
  } catch {
    return process.platform === 'linux' ? undefined : `${pid}`;
  }
}

export function isAlive(identity: string): boolean {
  return processIdentity(Number.parseInt(identity, 10)) === identity;
}

async function tryTake(path: string): Promise<boolean> {
  const mine = `${path}.${randomBytes(8).toString('hex')}`;
  await writeFile(mine, processIdentity(process.pid) ?? '');
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(mine);
  }
}

/** Moves a dead owner's lock aside; another waiter's fresh lock, if that is what was moved, is put back. */
async function clearStale(path: string, owner: string): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== owner) await link(aside, path).catch(() => {});
    await unlink(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Runs `work` while no other process holds the lock; a lock whose owner died is taken over. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (owner: string) => void = () => {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryTake(path))) {
    const owner = await readFile(path, 'utf8').catch(() => undefined);
    if (owner === undefined) continue;
    if (isAlive(owner)) {
      onWait(owner.split(' ')[0] ?? owner);
      await delay(300);
    } else await clearStale(path, owner);
  }
  try {
    return await work();
  } finally {
    await unlink(path);
  }
}
