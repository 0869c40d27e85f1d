import type { ProxyError } from '../src/proxy/errors.ts';
import type { KeyedRequest, Token } from '../src/proxy/token/token-source.ts';
import type { LogLevel } from '../src/shared/logger.ts';
import type { ChaosEntra } from './entra.ts';
import type { PodTime } from './pod-time.ts';
import { promises } from './promises.ts';
import type { ProxyProcess } from './proxy.ts';
import { findRateBreach, ServedTokens } from './served.ts';

const SECOND_MS = 1_000;

/** Steps of the wall clock of up to a second do not change the told times; those are whole seconds. */
const NOISE_MS = 2 * SECOND_MS;

/** A promise that was not kept. */
export class Breach extends Error {}

interface Ask {
  readonly request: KeyedRequest;
  readonly atMs: number;
}

/** Holds everything that callers, Entra and the log see against the promises. */
export class Watch {
  readonly #time: PodTime;
  readonly #entra: ChaosEntra;
  #process: ProxyProcess | undefined;
  #served = new ServedTokens();
  readonly #waiting = new Set<Ask>();
  /** Requests that the metric for cache results must have counted. */
  #counted = 0;
  #breach: string | undefined;
  #lines = 0;
  #posts = 0;
  #errors = 0;
  readonly #keysOfMinute = new Set<string>();
  /** When the last fault ends, on the monotonic clock. */
  readonly #calmFromMs: () => number;

  constructor(time: PodTime, entra: ChaosEntra, calmFromMs: () => number) {
    this.#time = time;
    this.#entra = entra;
    this.#calmFromMs = calmFromMs;
  }

  /** A process has taken the place of the last one. */
  processStarted(process: ProxyProcess): void {
    this.#process = process;
    this.#served = new ServedTokens();
    this.#counted = 0;
  }

  processStopped(): void {
    this.#process = undefined;
  }

  /** An application asks, as the token handler of the proxy does: `peek`, then `get`. */
  ask(request: KeyedRequest, { bypassCache = false, isCrowd = false } = {}): void {
    const process = this.#process;
    // Nobody listens: the connection is refused.
    if (process === undefined) return;
    const { source } = process;
    const { key } = request;
    const mustServe = !bypassCache && this.#served.isComfortable(key, this.#time);
    this.#keysOfMinute.add(key);
    if (isCrowd) this.#served.crowdComes();
    const token = bypassCache ? undefined : source.peek(key);
    const ask: Ask = { request, atMs: this.#time.monotonicMs() };
    if (token !== undefined) {
      this.#counted += 1;
      this.#takeToken(ask, token);
      return;
    }
    if (mustServe) this.#break(`a caller of ${request.resource} waits, and its token is live`);
    this.#counted += 1;
    this.#waiting.add(ask);
    source.get(request, { bypassCache }).then(
      (issued) => this.#answered(process, ask, () => this.#takeToken(ask, issued)),
      (error: ProxyError) => this.#answered(process, ask, () => this.#takeError(ask, error)),
    );
  }

  /** @throws Breach if a promise has been broken so far. */
  assertKept(): void {
    if (this.#breach !== undefined) throw new Breach(this.#breach);
  }

  /** Callers who have got an error instead of a token. */
  get errors(): number {
    return this.#errors;
  }

  countLine(level: LogLevel): void {
    if (level !== 'debug' && level !== 'trace') this.#lines += 1;
  }

  /** To be called every minute. */
  async lookEveryMinute(requests: readonly KeyedRequest[]): Promise<void> {
    this.#lookAtRates();
    const process = this.#process;
    if (process === undefined) return;
    this.#lookAtBounds(process);
    this.#lookAtMetrics(process);
    await this.#lookAtReadiness(process, requests);
  }

  #answered(process: ProxyProcess, ask: Ask, take: () => void): void {
    this.#waiting.delete(ask);
    const waitedMs = this.#time.monotonicMs() - ask.atMs;
    if (waitedMs > promises.answerMs) this.#break(`an answer took ${waitedMs} ms`);
    if (process === this.#process) take();
  }

  #takeToken({ request, atMs }: Ask, token: Token): void {
    const record = this.#entra.issued.get(token.accessToken);
    const { identity, resource, key } = request;
    if (record?.clientId !== identity.clientId || record.scope !== `${resource}/.default`) {
      this.#break(`a caller of ${resource} got a token of ${record?.clientId} ${record?.scope}`);
      return;
    }
    this.#served.serve(key, record);
    if (record.issuedAtMs >= atMs) return;
    const leftMs = record.expiresAtMs - this.#time.trueMs;
    if (leftMs < promises.servableMs) this.#break(`a token was served with ${leftMs} ms of life`);
    const toldMs = token.expiresAtSeconds * SECOND_MS - this.#time.epochMs();
    if (toldMs > leftMs + NOISE_MS) {
      this.#break(`a caller was told ${toldMs} ms of life, and the token has ${leftMs}`);
    }
  }

  #takeError({ request, atMs }: Ask, error: ProxyError): void {
    if (error.code === 'ERR_SHUTTING_DOWN') return;
    this.#errors += 1;
    if (atMs > this.#calmFromMs() + promises.healedMs) {
      this.#break(`${error.code} (${error.message}) ${promises.healedMs} ms after the last fault`);
    }
    // Turned away at the door, which neither the metric nor the status shows.
    if (/exchanges are running already$/.test(error.message)) {
      this.#counted -= 1;
      return;
    }
    const failing = this.#process?.source.status().failing ?? [];
    const isShown = failing.some(
      ({ identity, resource }) =>
        identity.clientId === request.identity.clientId && resource === request.resource,
    );
    // A refusal of an assertion that has been replaced meanwhile leaves no trace, on purpose.
    const isOutdated = error.code === 'ERR_REJECTED' || error.code === 'ERR_ASSERTION';
    if (!isShown && !isOutdated) {
      this.#break(
        `a caller of ${request.resource} got ${error.code}, and the status shows nothing`,
      );
    }
  }

  #lookAtRates(): void {
    const entries = this.#process?.source.status().entries ?? 0;
    const keys = Math.max(entries, this.#keysOfMinute.size) + 4;
    const posts = this.#entra.posts - this.#posts;
    const breach = findRateBreach({ posts, lines: this.#lines, keys });
    if (breach !== undefined) this.#break(breach);
    this.#posts += posts;
    this.#lines = 0;
    this.#keysOfMinute.clear();
  }

  #lookAtBounds({ source, running, timers }: ProxyProcess): void {
    const { entries } = source.status();
    if (entries > promises.entries) this.#break(`${entries} entries`);
    let exchanges = 0;
    for (const [key, count] of running) {
      exchanges += count;
      if (count > 1) this.#break(`${count} exchanges of ${key} at a time`);
    }
    // One for the renewals, one for the end of each exchange, one for the patience of each caller.
    const most = 1 + exchanges + this.#waiting.size;
    if (timers() > most) this.#break(`${timers()} timers, ${most} have a reason`);
    for (const { request, atMs } of this.#waiting) {
      const waitedMs = this.#time.monotonicMs() - atMs;
      if (waitedMs > promises.answerMs) {
        this.#break(`a caller of ${request.resource} has waited for ${waitedMs} ms`);
      }
    }
    const calmMs = this.#time.monotonicMs() - this.#calmFromMs();
    const failing = source.status().failing.filter(({ hasToken }) => hasToken);
    if (calmMs > promises.renewedMs && failing.length > 0) {
      this.#break(`${failing[0]?.resource} still fails ${calmMs} ms after the last fault`);
    }
  }

  #lookAtMetrics({ metrics }: ProxyProcess): void {
    if (this.#waiting.size > 0) return;
    const metric = metrics.table.find(
      ({ name }) => name === 'imds_proxy_token_cache_requests_total',
    );
    // A counter: it reads no state.
    const samples = metric?.read(undefined as never) ?? [];
    const total = samples.reduce((sum, { value }) => sum + value, 0);
    if (total !== this.#counted) {
      this.#break(`the metric counts ${total} requests of ${this.#counted}`);
    }
  }

  async #lookAtReadiness(process: ProxyProcess, requests: readonly KeyedRequest[]): Promise<void> {
    const mustServe = requests.some(({ key }) => this.#served.isComfortable(key, this.#time));
    const { ready, checks } = await process.checkReadiness();
    if (process !== this.#process) return;
    const failed = checks.filter(({ outcome }) => outcome === 'failed');
    if (mustServe && !ready) this.#break(`not ready (${failed[0]?.detail}), and a token is live`);
    const calmMs = this.#time.monotonicMs() - this.#calmFromMs();
    if (calmMs > promises.healedMs && !ready) {
      this.#break(`not ready (${failed[0]?.detail}) ${calmMs} ms after the last fault`);
    }
  }

  #break(what: string): void {
    this.#breach ??= what;
  }
}
