import { promises } from './promises.ts';

/**
 * A token is counted from when it was asked for, and the true clock from when it was issued. With the slowest
 * answer this is in between, and a second of noise of the clocks.
 */
const MARGIN_MS = 12_000;

/** Longer than any exchange: a step of the clock during it ages its token. */
const EXCHANGE_MS = 30_000;

/** A token as applications got it. */
export interface ServedToken {
  /** On the true clock of the pod. */
  readonly expiresAtMs: number;
  /** On the monotonic clock; when it was first seen, if that is not known. */
  readonly issuedAtMs: number;
}

/** The clocks, as far as they age tokens. */
export interface TokenClocks {
  readonly trueMs: number;
  /** How far the wall clock has been set forward since an instant of the monotonic clock. */
  toForwardMs(sinceMs: number): number;
}

/** What the callers of one process of the proxy know: which of its tokens must be served again, at once. */
export class ServedTokens {
  readonly #served = new Map<string, ServedToken>();
  /** Whether somebody has asked for ever new resources since the process began. */
  #crowdCame = false;
  /** Keys that were served before that: nobody can push them out of the cache (SECURITY.md). */
  readonly #seated = new Set<string>();

  crowdComes(): void {
    this.#crowdCame = true;
  }

  serve(key: string, token: ServedToken): void {
    this.#served.set(key, token);
    if (!this.#crowdCame) this.#seated.add(key);
  }

  /** Whether the token that a key was served last must be served again, without waiting. */
  isComfortable(key: string, clocks: TokenClocks): boolean {
    const token = this.#served.get(key);
    if (token === undefined || !this.#seated.has(key)) return false;
    const agedMs = clocks.toForwardMs(token.issuedAtMs - EXCHANGE_MS);
    return token.expiresAtMs - clocks.trueMs - agedMs > promises.comfortableMs + MARGIN_MS;
  }
}

/** What happened in a minute. */
export interface Minute {
  /** Requests to Entra. */
  readonly posts: number;
  /** Log lines of level info and above. */
  readonly lines: number;
  readonly keys: number;
}

/** @returns which rate is above its limit */
export function findRateBreach({ posts, lines, keys }: Minute): string | undefined {
  if (posts > promises.postsPerMinute * keys) return `${posts} POSTs in a minute for ${keys} keys`;
  if (lines > promises.linesPerMinute * keys) {
    return `${lines} log lines in a minute for ${keys} keys`;
  }
  return undefined;
}
