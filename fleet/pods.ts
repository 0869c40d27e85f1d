import type { Clock } from '../src/proxy/clock.ts';
import { toNextStep } from '../src/proxy/entra/exchange/retry.ts';
import type { RetryClass } from '../src/proxy/entra/explain/context.ts';
import { ProxyError } from '../src/proxy/errors.ts';
import type { Exchange, IssuedToken } from '../src/proxy/exchange.ts';
import { describeError } from '../src/proxy/protocol/error-text.ts';
import { createCachingSource } from '../src/proxy/token/caching-source.ts';
import { toKeyed } from '../src/proxy/token/token-source.ts';
import type { Logger } from '../src/shared/logger.ts';
import { silentMetrics } from '../test/support/silent-metrics.ts';
import {
  AZCORE_FIRST_RETRY_MS,
  AZCORE_MAX_RETRY_MS,
  AZCORE_RETRIES,
  SDK_EXPIRY_BUFFER_MS,
} from './assumptions.ts';
import type { EntraAnswer, EntraModel } from './entra-model.ts';

/** What the sidecar of a pod answers. `expiresAtMs` is on the clock of the simulation. */
export type SidecarAnswer =
  | { readonly expiresAtMs: number }
  | { readonly expiresAtMs?: undefined; readonly retryAfterMs: number | undefined };

/** The proxy in one pod. */
export interface Sidecar {
  ask(onAnswer: (answer: SidecarAnswer) => void): void;
  /** The pod is deleted. */
  stop(): void;
}

export interface World {
  readonly clock: Clock;
  readonly entra: EntraModel;
  readonly random: () => number;
}

/** The policies that are compared. */
export const policyNames = ['ours', 'without jitter', 'upstream'] as const;
export type PolicyName = (typeof policyNames)[number];

/** Makes the sidecars of a fleet. */
export function createSidecars(policy: PolicyName, world: World): () => Sidecar {
  switch (policy) {
    case 'ours':
      return () => createOurs(world);
    case 'without jitter': {
      // The middle of every interval, for renewals and retries alike.
      const constant = { ...world, random: () => 0.5 };
      return () => createOurs(constant);
    }
    case 'upstream':
      return () => createUpstream(world);
  }
}

const request = toKeyed({
  identity: {
    tenantId: '11111111-1111-4111-8111-111111111111',
    clientId: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
  },
  resource: 'https://vault.azure.net',
});

/** The product's own cache, in front of an exchange with the product's own retries. */
function createOurs({ clock, entra, random }: World): Sidecar {
  const exchange = createExchangeModel({ clock, entra, random });
  const source = createCachingSource({
    clock,
    exchange,
    random,
    metrics: silentMetrics,
    logger: silentLogger,
  });
  return {
    ask(onAnswer) {
      const token = source.peek(request.key);
      if (token !== undefined) {
        onAnswer(token);
        return;
      }
      source.get(request).then(onAnswer, (error: ProxyError) => {
        const { retryAfterSeconds } = describeError(error);
        onAnswer({
          retryAfterMs: retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1_000,
        });
      });
    },
    stop: () => source.stop(),
  };
}

/** One exchange: attempts at the times that the product's `toNextStep` sets. */
export function createExchangeModel({ clock, entra, random }: World): Exchange {
  return (_, signal) =>
    new Promise<IssuedToken>((resolve, reject) => {
      const startedAtMs = clock.monotonicMs();
      let attempts = 0;
      const attempt = (): void => {
        if (signal.aborted) return;
        attempts += 1;
        const sentAtMs = clock.monotonicMs();
        entra.post((answer) => {
          if (answer.kind === 'token') {
            resolve(toIssued(answer, clock.monotonicMs() - sentAtMs));
            return;
          }
          const { error, retry } = toFailure(answer);
          const step = toNextStep({
            retry,
            retryAfterSeconds: error.details.retryAfterSeconds,
            attempts,
            elapsedMs: clock.monotonicMs() - startedAtMs,
            random: random(),
          });
          if (step === undefined) reject(error);
          else clock.after(step.waitMs, attempt);
        });
      };
      attempt();
    });
}

function toIssued(
  { lifetimeMs, refreshInMs }: EntraAnswer & { readonly kind: 'token' },
  elapsedMs: number,
): IssuedToken {
  return {
    accessToken: 'token',
    expiresInSeconds: lifetimeMs / 1_000,
    extExpiresInSeconds: lifetimeMs / 1_000,
    refreshInSeconds: refreshInMs === undefined ? undefined : refreshInMs / 1_000,
    elapsedMs,
  };
}

function toFailure(answer: Exclude<EntraAnswer, { kind: 'token' }>): {
  readonly error: ProxyError;
  readonly retry: RetryClass;
} {
  switch (answer.kind) {
    case 'throttled': {
      const { retryAfterSeconds } = answer;
      const error = new ProxyError('ERR_THROTTLED', 'throttled', { retryAfterSeconds });
      return { error, retry: 'throttled' };
    }
    case 'unavailable':
      return { error: new ProxyError('ERR_UNAVAILABLE', 'unavailable'), retry: 'transient' };
  }
}

/** The upstream proxy: MSAL Go's cache, asked when the application asks, with azcore's retries. */
function createUpstream({ clock, entra, random }: World): Sidecar {
  let expiresAtMs = Number.NEGATIVE_INFINITY;
  let refreshAtMs = Number.NEGATIVE_INFINITY;

  const isUsable = (): boolean => clock.monotonicMs() < expiresAtMs - SDK_EXPIRY_BUFFER_MS;

  const attempt = (attempts: number, onAnswer: (answer: SidecarAnswer) => void): void => {
    const sentAtMs = clock.monotonicMs();
    entra.post((answer) => {
      if (answer.kind === 'token') {
        expiresAtMs = sentAtMs + answer.lifetimeMs;
        refreshAtMs = sentAtMs + (answer.refreshInMs ?? Number.POSITIVE_INFINITY);
        onAnswer({ expiresAtMs });
        return;
      }
      const waitMs =
        answer.kind === 'throttled'
          ? answer.retryAfterSeconds * 1_000
          : AZCORE_FIRST_RETRY_MS * 2 ** (attempts - 1) * (0.8 + 0.5 * random());
      if (attempts <= AZCORE_RETRIES && waitMs <= AZCORE_MAX_RETRY_MS) {
        clock.after(waitMs, () => attempt(attempts + 1, onAnswer));
      } else {
        // A failed refresh leaves MSAL's token in use. `Retry-After` is not handed on.
        onAnswer(isUsable() ? { expiresAtMs } : { retryAfterMs: undefined });
      }
    });
  };

  return {
    ask(onAnswer) {
      if (isUsable() && clock.monotonicMs() < refreshAtMs) onAnswer({ expiresAtMs });
      else attempt(1, onAnswer);
    },
    stop() {},
  };
}

const silentLogger: Logger = { isEnabled: () => false, log() {} };
