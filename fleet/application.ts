import type { Clock } from '../src/proxy/clock.ts';
import {
  APPLICATION_PAUSE_MS,
  SDK_EXPIRY_BUFFER_MS,
  SDK_FIRST_RETRY_MS,
  SDK_LONG_LIVED_MS,
  SDK_RENEWAL_PAUSE_MS,
  SDK_RETRIES,
} from './assumptions.ts';
import type { Sidecar } from './pods.ts';

/** What became of the application of one pod. */
export interface ApplicationRecord {
  /** From its start to its first token; undefined if it got none. */
  readonly firstTokenMs: number | undefined;
  /** How often it had a token and then none. */
  readonly losses: number;
  /** For how long it had none after it had one. */
  readonly withoutTokenMs: number;
  /** When it last got one after it had none, or its first one. */
  readonly servedAgainAtMs: number | undefined;
}

export interface Application {
  start(): void;
  stop(): void;
  /** Up to now. */
  record(): ApplicationRecord;
}

/** An application that needs a token all the time and gets it through the cache of an Azure SDK. */
export function createApplication(clock: Clock, sidecar: Sidecar): Application {
  let startedAtMs = 0;
  let firstTokenMs: number | undefined;
  let expiresAtMs = Number.NEGATIVE_INFINITY;
  let losses = 0;
  let withoutTokenMs = 0;
  let servedAgainAtMs: number | undefined;
  let stopped = false;
  let cancel = (): void => {};

  const isHeld = (): boolean => clock.monotonicMs() < expiresAtMs;

  const later = (delayMs: number, then: () => void): void => {
    cancel = clock.after(delayMs, then);
  };

  const take = (newExpiresAtMs: number): void => {
    const nowMs = clock.monotonicMs();
    firstTokenMs ??= nowMs - startedAtMs;
    if (nowMs > expiresAtMs) servedAgainAtMs = nowMs;
    if (expiresAtMs > Number.NEGATIVE_INFINITY && nowMs > expiresAtMs) {
      losses += 1;
      withoutTokenMs += nowMs - expiresAtMs;
    }
    expiresAtMs = newExpiresAtMs;
    const leftMs = expiresAtMs - nowMs;
    const renewInMs = leftMs > SDK_LONG_LIVED_MS ? leftMs / 2 : leftMs - SDK_EXPIRY_BUFFER_MS;
    // A token that is due already is asked for again after a pause, as after a failed renewal.
    later(renewInMs > 0 ? renewInMs : SDK_RENEWAL_PAUSE_MS, () => ask(0));
  };

  const ask = (retries: number): void => {
    sidecar.ask((answer) => {
      if (stopped) return;
      if (answer.expiresAtMs !== undefined) {
        take(answer.expiresAtMs);
      } else if (isHeld()) {
        later(SDK_RENEWAL_PAUSE_MS, () => ask(0));
      } else if (retries < SDK_RETRIES) {
        later(answer.retryAfterMs ?? SDK_FIRST_RETRY_MS * 2 ** retries, () => ask(retries + 1));
      } else {
        later(APPLICATION_PAUSE_MS, () => ask(0));
      }
    });
  };

  return {
    start() {
      startedAtMs = clock.monotonicMs();
      ask(0);
    },
    stop() {
      stopped = true;
      cancel();
      sidecar.stop();
    },
    record() {
      const nowMs = clock.monotonicMs();
      const isLost = !stopped && firstTokenMs !== undefined && nowMs > expiresAtMs;
      return {
        firstTokenMs,
        losses: losses + (isLost ? 1 : 0),
        withoutTokenMs: withoutTokenMs + (isLost ? nowMs - expiresAtMs : 0),
        servedAgainAtMs: isLost ? Number.POSITIVE_INFINITY : servedAgainAtMs,
      };
    },
  };
}
