import type { Clock } from '../../src/proxy/clock.ts';
import type { ExchangeRequest } from '../../src/proxy/exchange.ts';
import type { Token, TokenSource } from '../../src/proxy/token/token-source.ts';
import { toKeyed } from '../../src/proxy/token/token-source.ts';

/** One call of `get`. */
export interface ScriptedGet {
  readonly request: ExchangeRequest;
  readonly bypassCache: boolean;
}

/** What a call of `get` ends with: a token made from these values, an error to throw, or later either. */
export type ScriptedAnswer = Partial<Token> | Error | Promise<Partial<Token> | Error>;

/** A token source that follows a script and remembers its requests. */
export interface ScriptedSource extends TokenSource {
  readonly gets: readonly ScriptedGet[];
  /** How many tokens `peek` has given. */
  readonly peeks: number;
  /** What the next calls of `get` end with, each used once; after them, with a token again. */
  script(...answers: readonly ScriptedAnswer[]): void;
  /** Puts a token into the cache, as if it had been issued. */
  put(request: ExchangeRequest, token?: Partial<Token>): Token;
  /** Empties the cache. */
  forget(): void;
}

/** Every token the source makes is recognisable, so that logs can be searched for it. */
export const tokenCanary = 'eyJhbGciOiJSUzI1NiJ9.CANARY-token';

export function createScriptedSource(clock: Clock): ScriptedSource {
  const cache = new Map<string, Token>();
  const answers: ScriptedAnswer[] = [];
  const gets: ScriptedGet[] = [];
  let peeks = 0;
  let issued = 0;

  const put = (request: ExchangeRequest, overrides: Partial<Token> = {}): Token => {
    issued += 1;
    const nowSeconds = Math.floor(clock.epochMs() / 1_000);
    const token: Token = {
      accessToken: `${tokenCanary}-${issued}.sig`,
      identity: request.identity,
      resource: request.resource,
      expiresAtMs: clock.monotonicMs() + 86_399_000,
      expiresAtSeconds: nowSeconds + 86_399,
      issuedAtSeconds: nowSeconds,
      extExpiresInSeconds: 86_399,
      ...overrides,
    };
    cache.set(toKeyed(request).key, token);
    return token;
  };

  return {
    gets,
    get peeks() {
      return peeks;
    },
    script: (...more) => void answers.push(...more),
    put,
    forget: () => cache.clear(),
    peek(key) {
      const token = cache.get(key);
      if (token !== undefined) peeks += 1;
      return token;
    },
    async get(request, { bypassCache = false } = {}) {
      gets.push({ request, bypassCache });
      const answer = await answers.shift();
      if (answer instanceof Error) throw answer;
      const cached = cache.get(toKeyed(request).key);
      return answer === undefined && cached !== undefined && !bypassCache
        ? cached
        : put(request, answer);
    },
  };
}
