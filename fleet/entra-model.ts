import type { Clock } from '../src/proxy/clock.ts';
import {
  BURST_SECONDS,
  LATENCY_MEDIAN_MS,
  LATENCY_SIGMA,
  RECOVERY_FROM_SHARE,
  RECOVERY_MS,
  REFUSAL_LATENCY_MS,
  RETRY_AFTER_SECONDS,
} from './assumptions.ts';

/** How Entra answers one POST. */
export type EntraAnswer =
  | { readonly kind: 'token'; readonly lifetimeMs: number; readonly refreshInMs?: number }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'unavailable' };

/** What the tokens of a scenario are like. */
export interface TokenKind {
  readonly lifetimeMs: number;
  /** Entra's `refresh_in`, if it sends one. */
  readonly refreshInMs?: number;
}

export interface EntraOptions {
  readonly token: TokenKind;
  /** Tokens a second, for the tenant. */
  readonly limitPerSecond: number;
  /** Before this, there is no limit. */
  readonly limitFromMs?: number | undefined;
  readonly outage?: { readonly fromMs: number; readonly toMs: number } | undefined;
}

/** Entra's token endpoint as one tenant sees it. */
export interface EntraModel {
  /** @param onAnswer called when the answer arrives. */
  post(onAnswer: (answer: EntraAnswer) => void): void;
  /** POSTs in each second since the beginning. */
  readonly postsPerSecond: readonly number[];
  /** Those of them that got a token. */
  readonly tokensPerSecond: readonly number[];
}

/** A bucket of tokens, an outage and a slow recovery from it: see `assumptions.ts`. */
export function createEntraModel(
  clock: Clock,
  random: () => number,
  options: EntraOptions,
): EntraModel {
  const { token, limitPerSecond, limitFromMs = 0, outage } = options;
  const postsPerSecond: number[] = [];
  const tokensPerSecond: number[] = [];
  let budget = limitPerSecond * BURST_SECONDS;
  let budgetAtMs = 0;

  /** The share of the limit that is served. */
  const toCapacity = (nowMs: number): number => {
    if (outage === undefined || nowMs < outage.fromMs) return 1;
    if (nowMs < outage.toMs) return 0;
    const recovered = (nowMs - outage.toMs) / RECOVERY_MS;
    return Math.min(1, RECOVERY_FROM_SHARE + (1 - RECOVERY_FROM_SHARE) * recovered);
  };

  const takeFromBudget = (nowMs: number, capacity: number): boolean => {
    const rate = limitPerSecond * capacity;
    const mostBudget = Math.max(1, rate * BURST_SECONDS);
    budget = Math.min(mostBudget, budget + ((nowMs - budgetAtMs) / 1_000) * rate);
    budgetAtMs = nowMs;
    if (budget < 1) return false;
    budget -= 1;
    return true;
  };

  const decide = (nowMs: number): EntraAnswer => {
    const capacity = toCapacity(nowMs);
    if (capacity === 0) return { kind: 'unavailable' };
    if (nowMs < limitFromMs || takeFromBudget(nowMs, capacity)) return { kind: 'token', ...token };
    return capacity < 1
      ? { kind: 'unavailable' }
      : { kind: 'throttled', retryAfterSeconds: RETRY_AFTER_SECONDS };
  };

  return {
    postsPerSecond,
    tokensPerSecond,
    post(onAnswer) {
      const nowMs = clock.monotonicMs();
      const second = Math.floor(nowMs / 1_000);
      const answer = decide(nowMs);
      addTo(postsPerSecond, second);
      if (answer.kind === 'token') addTo(tokensPerSecond, second);
      const latencyMs = answer.kind === 'token' ? toLatencyMs(random) : REFUSAL_LATENCY_MS;
      clock.after(latencyMs, () => onAnswer(answer));
    },
  };
}

function addTo(counts: number[], index: number): void {
  while (counts.length <= index) counts.push(0);
  counts[index] = (counts[index] ?? 0) + 1;
}

/** Log-normal, by the method of Box and Muller. */
function toLatencyMs(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return LATENCY_MEDIAN_MS * Math.exp(LATENCY_SIGMA * radius * Math.cos(2 * Math.PI * random()));
}
