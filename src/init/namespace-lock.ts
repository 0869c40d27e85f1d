import { connect, createServer, type Socket } from 'node:net';
import { InitFailure } from './failures.ts';

/**
 * An abstract socket: it belongs to the network namespace, exactly what the rules belong to, needs neither
 * a right nor a writable place, and is gone with the process that holds it, however that ends.
 */
const address = '\0azwi-proxy-init';

/**
 * Lets one proxy-init at a time work in this network namespace. Without it, of several that read the rules
 * before any has written them each would add a jump of its own.
 * @throws InitFailure `run-in-progress` after `waitSeconds`
 */
export async function withNamespaceLock<T>(
  waitSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const deadlineAt = performance.now() + waitSeconds * 1_000;
  let release = await tryLock();
  while (release === undefined) {
    const leftMs = deadlineAt - performance.now();
    if (leftMs <= 0) throw new InitFailure('run-in-progress', { seconds: waitSeconds });
    await untilReleased(leftMs);
    release = await tryLock();
  }
  try {
    return await work();
  } finally {
    release();
  }
}

/** @returns a function that releases the lock; undefined if somebody else holds it */
function tryLock(): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<Socket>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on('error', () => {});
      waiter.once('close', () => waiters.delete(waiter));
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      resolve(() => {
        server.close();
        for (const waiter of waiters) waiter.destroy();
      });
    });
  });
}

/** Resolves when the holder is gone, which ends the connection to it, or after `mostMs`. */
function untilReleased(mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const timer = setTimeout(() => socket.destroy(), mostMs);
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
