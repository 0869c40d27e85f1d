import type { ErrorCode, ProxyError } from '../errors.ts';

/** More than the token files of any pod; the oldest is forgotten first. */
const MAX_REMEMBERED = 16;

/** Notices when the assertion that is presented changes, as after the kubelet's rotation. */
export interface AssertionWatch {
  /**
   * Takes in which assertion an exchange presented. Assertions are told apart by their expiry; a pod may
   * present several in turn, one for each token file.
   * @returns whether it is a new one: what Entra refused for the old one it may grant for this one.
   */
  see(expiresAtSeconds: number | undefined, nowMs: number): boolean;
  /** Whether a failure is about an assertion that was replaced while its exchange was running. */
  isOutdated(error: ProxyError, startedAtMs: number): boolean;
}

export function createAssertionWatch(): AssertionWatch {
  const seen = new Set<number>();
  let latest: number | undefined;
  let changedAtMs = Number.NEGATIVE_INFINITY;

  return {
    see(expiresAtSeconds, nowMs) {
      if (expiresAtSeconds === undefined || seen.has(expiresAtSeconds)) return false;
      const isFirst = seen.size === 0;
      seen.add(expiresAtSeconds);
      for (const oldest of seen) {
        if (seen.size <= MAX_REMEMBERED) break;
        seen.delete(oldest);
      }
      latest = expiresAtSeconds;
      if (!isFirst) changedAtMs = nowMs;
      return !isFirst;
    },
    isOutdated: ({ code, details }, startedAtMs) =>
      isAboutAssertion(code) &&
      startedAtMs <= changedAtMs &&
      details.assertionExpiresAtSeconds !== undefined &&
      details.assertionExpiresAtSeconds !== latest,
  };
}

function isAboutAssertion(code: ErrorCode): boolean {
  return code === 'ERR_REJECTED' || code === 'ERR_ASSERTION';
}
