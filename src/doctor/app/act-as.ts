/** Runs `act` as a user, one call at a time. */
export type ActAs = <T>(act: () => T) => Promise<T>;

/** The user of a process is one for all that it does, so nothing else may begin meanwhile. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Makes sockets of another user. That takes CAP_SETUID, which root has unless the container drops it.
 * @returns undefined if this process may not become that user
 */
export function actAs(uid: number): ActAs | undefined {
  const own = process.geteuid?.();
  if (own === undefined || !canBecome(uid, own)) return undefined;
  return async (act) => {
    const turn = queue.then(async () => {
      process.seteuid?.(uid);
      try {
        const result = act();
        // The kernel notes the owner of a socket when Node makes it, which is a tick after `connect`.
        await new Promise((resolve) => setImmediate(resolve));
        return result;
      } finally {
        process.seteuid?.(own);
      }
    });
    queue = turn.catch(() => {});
    return turn;
  };
}

function canBecome(uid: number, own: number): boolean {
  if (uid === own) return true;
  try {
    process.seteuid?.(uid);
    process.seteuid?.(own);
    return true;
  } catch {
    return false;
  }
}
