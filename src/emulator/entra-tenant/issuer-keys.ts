import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import type { Clock } from '../clock.ts';
import type { PresentedAssertion } from './assertion.ts';
import { Refusal } from './refusal.ts';

/** Gets a JSON document, within its own deadline. */
export type FetchJson = (url: string) => Promise<unknown>;

/** The published keys of all issuers that credentials trust. */
export interface IssuerKeys {
  /**
   * Checks the assertion's signature against its issuer's key set.
   * @throws Refusal 90061 when the issuer's documents cannot be had, 7000272 when it publishes no such key,
   * 700027 when the signature is not the key's
   */
  verify(assertion: PresentedAssertion): Promise<void>;
  /** Drops the cached keys of one issuer, as if they had expired. */
  forget(issuer: string): void;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

interface CachedKeys {
  readonly keys: KeySet;
  readonly fetchedAtMs: number;
}

/**
 * A key set is fetched once and kept for `ttlMs`; a `kid` that is not in it has it fetched again at once,
 * so that a new key is found without waiting. A key that its issuer has retired is accepted for as long as
 * the set is kept.
 */
export function createIssuerKeys(
  { clock, fetchJson }: { readonly clock: Clock; readonly fetchJson: FetchJson },
  { ttlMs }: { readonly ttlMs: number },
): IssuerKeys {
  const cache = new Map<string, Promise<CachedKeys>>();

  const fetchKeys = (issuer: string): Promise<CachedKeys> => {
    const fetching = fetchKeySet(fetchJson, issuer).then((keys) => ({
      keys,
      fetchedAtMs: clock.monotonicMs(),
    }));
    cache.set(issuer, fetching);
    fetching.catch(() => {
      if (cache.get(issuer) === fetching) cache.delete(issuer);
    });
    return fetching;
  };

  /** What replaces `used`: a new fetch, or the one that somebody else has begun since. */
  const renew = (issuer: string, used: Promise<CachedKeys>): Promise<CachedKeys> => {
    const current = cache.get(issuer);
    return current === undefined || current === used ? fetchKeys(issuer) : current;
  };

  const verify = async ({ raw, issuer }: PresentedAssertion): Promise<void> => {
    let used = cache.get(issuer) ?? fetchKeys(issuer);
    if (clock.monotonicMs() - (await used).fetchedAtMs > ttlMs) used = renew(issuer, used);
    try {
      await compactVerify(raw, (await used).keys);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await compactVerify(raw, (await renew(issuer, used)).keys);
    }
  };

  return {
    async verify(assertion) {
      try {
        await verify(assertion);
      } catch (error) {
        throw toRefusal(error, assertion);
      }
    },
    forget(issuer) {
      cache.delete(issuer);
    },
  };
}

/** Discovery and key set of an issuer; its own word for its name must be the one asked for. */
async function fetchKeySet(fetchJson: FetchJson, issuer: string): Promise<KeySet> {
  try {
    const base = issuer.replace(/\/+$/, '');
    const discovery = await fetchJson(`${base}/.well-known/openid-configuration`);
    const { issuer: name, jwks_uri: jwksUri } = discovery as Record<string, unknown>;
    if (name !== issuer || typeof jwksUri !== 'string') throw new Refusal(90061);
    return createLocalJWKSet((await fetchJson(jwksUri)) as JSONWebKeySet);
  } catch {
    // Entra does not say what went wrong either.
    throw new Refusal(90061, { issuer });
  }
}

function toRefusal(error: unknown, { issuer, kid }: PresentedAssertion): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new Refusal(7000272, { name: kid, issuer });
  }
  return new Refusal(700027, {
    name: 'The provided signature value did not match the expected signature value.',
  });
}
