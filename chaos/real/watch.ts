import { promises, realPromises } from '../promises.ts';
import { findRateBreach, ServedTokens } from '../served.ts';
import type { RealClocks, Stalls } from './clocks.ts';
import { findMetricsBreach, toAnswerCounts } from './metrics.ts';
import { findOverlap, type Post } from './posts.ts';

const SECOND_MS = 1_000;
/** Characters of an answer that a breach quotes. */
const MOST_TEXT = 200;

/** What a caller got. */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'none'; readonly error: string };

/** A request of an application. */
export interface Ask {
  readonly resource: string;
  readonly clientId: string;
  readonly isCrowd: boolean;
  readonly atMs: number;
  readonly trueMs: number;
  readonly stalledMs: number;
  /** The process that was asked. */
  readonly process: number;
  readonly mustServe: boolean;
}

export interface WatchParts {
  readonly clocks: RealClocks;
  readonly stalls: Stalls;
  /** What faults are active, for people. */
  readonly during: () => string;
}

/** Holds everything that callers, Entra, the kernel and the log see against the promises. */
export class RealWatch {
  readonly #clocks: RealClocks;
  readonly #stalls: Stalls;
  readonly #during: () => string;
  #served = new ServedTokens();
  #process = 0;
  #isUp = false;
  #counts = toAnswerCounts();
  readonly #seen = new Map<string, { readonly text: string; readonly atMs: number }>();
  readonly #keysOfMinute = new Set<string>();
  #lines = 0;
  /** Lines about requests that were not served, by their kind. */
  readonly #refusals = new Map<string, number>();
  /** Lines since the process began to start; undefined when it listens. */
  #startLines: number | undefined;
  #posts = 0;
  #recent: readonly Post[] = [];
  #breach: string | undefined;
  readonly totals = { tokens: 0, live: 0, errors: 0, posts: 0, compared: 0, lines: 0, looks: 0 };

  constructor({ clocks, stalls, during }: WatchParts) {
    this.#clocks = clocks;
    this.#stalls = stalls;
    this.#during = during;
  }

  /** The first promise that was not kept. */
  get breach(): string | undefined {
    return this.#breach;
  }

  /** An attempt to start begins. */
  processStarts(): void {
    this.#startLines = 0;
  }

  processStarted(): void {
    this.#process += 1;
    this.#isUp = true;
    this.#startLines = undefined;
    this.#refusals.clear();
    this.#served = new ServedTokens();
    this.#counts = toAnswerCounts();
  }

  /** From now on it may refuse connections, and its tokens are lost. */
  processStops(): void {
    this.#isUp = false;
  }

  ask(resource: string, clientId: string, { bypassCache = false, isCrowd = false } = {}): Ask {
    const key = `${clientId} ${resource}`;
    this.#keysOfMinute.add(key);
    if (isCrowd) this.#served.crowdComes();
    this.#counts.outstanding += 1;
    const mustServe = !bypassCache && this.#served.isComfortable(key, this.#clocks);
    if (mustServe) this.totals.live += 1;
    return {
      resource,
      clientId,
      isCrowd,
      atMs: this.#clocks.monotonicMs(),
      trueMs: this.#clocks.trueMs,
      stalledMs: this.#stalls.totalMs,
      process: this.#process,
      mustServe,
    };
  }

  answered(ask: Ask, reply: Reply): void {
    if (ask.process !== this.#process) return;
    this.#counts.outstanding -= 1;
    if (reply.kind === 'none') this.#counts.lost += 1;
    else {
      const { answers } = this.#counts;
      answers.set(reply.status, (answers.get(reply.status) ?? 0) + 1);
    }
    if (!this.#isUp) return;
    const { resource } = ask;
    const tookMs = this.#tookMs(ask);
    const token = ask.mustServe ? ' with a live token' : '';
    const mostMs = realPromises.busyMs + (ask.mustServe ? 0 : promises.answerMs);
    if (tookMs > mostMs) this.break(`${resource} waited ${tookMs} ms${token}`);
    if (reply.kind === 'none') {
      this.break(`${resource} got no answer${token}: ${reply.error}`);
    } else if (reply.status === 200) this.#takeToken(ask, reply.body);
    else {
      this.totals.errors += 1;
      if (ask.mustServe) {
        this.break(`${resource} got ${reply.status}${token}: ${reply.body.slice(0, MOST_TEXT)}`);
      }
    }
  }

  /** A connection with half a request was closed, or is still open, so long after it began. */
  heldHalf(forMs: number): void {
    const mostMs = realPromises.wholeRequestMs + realPromises.busyMs;
    if (forMs > mostMs) this.break(`half a request kept its connection open for ${forMs} ms`);
  }

  /** The proxy has written a line of its log. */
  logged(line: string): void {
    this.totals.lines += 1;
    const kind = toRefusalKind(line);
    if (kind !== undefined) this.#countRefusal(kind);
    else if (this.#startLines === undefined) this.#lines += 1;
    else this.#startLines += 1;
    if ((this.#startLines ?? 0) > realPromises.startLines) {
      this.break(`${this.#startLines} log lines of a start`);
    }
    if (/eyJ[\w-]{8,}\./.test(line)) this.break(`a token in the log: ${line.slice(0, 80)}…`);
  }

  /**
   * Requests to Entra that have ended.
   * @param isSound whether everything that was sent since the last call arrived at once
   */
  posted(posts: readonly Post[], isSound: boolean): void {
    this.#posts += posts.length;
    this.totals.posts += posts.length;
    if (!isSound) {
      this.#recent = [];
      return;
    }
    this.totals.compared += posts.length;
    const overlap = findOverlap([...this.#recent, ...posts]);
    if (overlap !== undefined) this.break(`two exchanges of ${overlap} at a time`);
    this.#recent = posts;
  }

  measured({ bytes, descriptors }: { readonly bytes: number; readonly descriptors: number }): void {
    if (bytes > realPromises.memoryBytes) this.break(`${bytes} bytes of memory`);
    if (descriptors > realPromises.descriptors) this.break(`${descriptors} descriptors`);
  }

  /** To be called every minute, and at the end. */
  lookAtRates(entries: number): void {
    const keys = Math.max(this.#keysOfMinute.size, entries) + 4;
    const breach = findRateBreach({ posts: this.#posts, lines: this.#lines, keys });
    if (breach !== undefined) this.break(breach);
    this.#posts = 0;
    this.#lines = 0;
    this.#refusals.clear();
    this.#keysOfMinute.clear();
  }

  /** Begins a look at the admin port. @returns how to end it; the look does not count if the process has changed */
  beginLook(keys: readonly string[]): (seen: AdminView) => void {
    const process = this.#process;
    const counts = this.#counts;
    const before = new Map(counts.answers);
    const mustBeReady = this.#isComfortable(keys);
    return ({ readiness, metrics }) => {
      if (process !== this.#process || !this.#isUp) return;
      this.totals.looks += 1;
      if (readiness !== 200 && mustBeReady && this.#isComfortable(keys)) {
        this.break(`not ready (${readiness}), and a token is live`);
      }
      const breach = findMetricsBreach(metrics, before, counts);
      if (breach !== undefined) this.break(breach);
    };
  }

  break(what: string): void {
    this.#breach ??= `${what} (during: ${this.#during() || 'nothing'})`;
  }

  #countRefusal(kind: string): void {
    const count = (this.#refusals.get(kind) ?? 0) + 1;
    this.#refusals.set(kind, count);
    if (count > realPromises.refusalLinesPerMinute) {
      this.break(`${count} log lines in a minute about ${kind}`);
    }
  }

  #isComfortable(keys: readonly string[]): boolean {
    return keys.some((key) => this.#served.isComfortable(key, this.#clocks));
  }

  /** Without the time in which nobody could run. */
  #tookMs({ atMs, stalledMs }: Ask): number {
    const ms = this.#clocks.monotonicMs() - atMs - (this.#stalls.totalMs - stalledMs);
    return Math.max(0, Math.round(ms));
  }

  #takeToken(ask: Ask, body: string): void {
    const { resource, clientId } = ask;
    this.totals.tokens += 1;
    const { access_token: text } = JSON.parse(body) as { readonly access_token: string };
    const { aud, appid, exp } = readClaims(text);
    if (aud !== resource || appid !== clientId) {
      this.break(`${clientId} ${resource} got a token of ${appid} for ${aud}`);
      return;
    }
    const key = `${clientId} ${resource}`;
    const expiresAtMs = exp * SECOND_MS;
    const known = this.#seen.get(key);
    const isSeen = known?.text === text;
    if (!isSeen) this.#seen.set(key, { text, atMs: this.#clocks.monotonicMs() });
    // A token that was seen before has come from the cache. Another one may be too short-lived to be kept.
    const leftMs = expiresAtMs - ask.trueMs;
    const leastMs = isSeen && known.atMs < ask.atMs ? promises.servableMs - SECOND_MS : 0;
    if (leftMs < leastMs) this.break(`${resource} got a token with ${leftMs} ms of life`);
    const issuedAtMs = isSeen ? known.atMs : this.#clocks.monotonicMs();
    this.#served.serve(key, { expiresAtMs, issuedAtMs });
  }
}

/** What the admin port says. */
export interface AdminView {
  /** The status of `/readyz`. */
  readonly readiness: number;
  readonly metrics: string;
}

/**
 * Tells requests that were not served apart as the proxy does.
 * @returns undefined for any other line
 */
function toRefusalKind(line: string): string | undefined {
  if (!line.includes('"message":"request was not served"')) return undefined;
  const { error_code, error, header, client_id, resource } = JSON.parse(line);
  return JSON.stringify([error_code, error, header, client_id, resource]);
}

function readClaims(token: string): {
  readonly aud: string;
  readonly appid: string;
  readonly exp: number;
} {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}
