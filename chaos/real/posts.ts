/** The requests that reach Entra, and the exchanges that they show. */

/** A request to Entra that has ended. The times are those of one monotonic clock. */
export interface Post {
  readonly key: string;
  /** One for each exchange; undefined if the token proxy asked on behalf of the pod. */
  readonly correlationId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether an answer was written, so that the client still waited for it. */
  readonly isAnswered: boolean;
}

/**
 * Two exchanges of one key at a time: Entra had the request of one before it answered that of another. While packets are
 * lost, an answer may go to a client that has given up, and proves nothing.
 * @returns the key
 */
export function findOverlap(posts: readonly Post[]): string | undefined {
  const overlapping = posts.find(
    (a) =>
      a.isAnswered &&
      posts.some(
        (b) =>
          b.key === a.key &&
          a.correlationId !== undefined &&
          b.correlationId !== undefined &&
          b.correlationId !== a.correlationId &&
          b.startMs >= a.startMs &&
          b.startMs < a.endMs,
      ),
  );
  return overlapping?.key;
}
