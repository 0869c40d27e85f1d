import { ProxyError } from '../../../../src/proxy/errors.ts';
import type { CacheLimits } from '../../../../src/proxy/token/caching-source.ts';
import type { Token } from '../../../../src/proxy/token/token-source.ts';
import { garbles, type ScheduledError, type Step } from './schedule.ts';
import { type CreateSource, createWorld, type World, type WorldExchange } from './world.ts';

// The numbers of docs/caching.md. Written out here, and not imported: the test checks the promise.
const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const SERVABLE = 30 * S;
const WAITS_BELOW = 5 * MIN + 30 * S;
const PATIENCE = 5 * S;
const BYPASS_AGE = 10 * S;
const DEADLINE = 30 * S;
const SLOTS = 4;
const SLOT_HELD = 5 * S;
const SHOWN = 10 * MIN;
/** How long the renewals of a handful of keys may wait for a slot. */
const SLACK = 12 * S;
/** The longest that the model lets pass without a look. */
const CHUNK = 5 * S;

/** What the promise lets the cache know and do about one key. Instants are on the believed clock. */
interface KeyModel {
  /** Until when the token that is held lives: at least and at most. */
  endsFrom: number;
  endsTo: number;
  life: number;
  /** When its renewal is due, at the earliest (jitter) and at the latest. */
  dueFrom: number;
  dueTo: number;
  receivedAt: number;
  usedFrom: number;
  usedTo: number;
  failure: FailureModel | undefined;
  /** The exchange that runs, and when the first of its flight began on the monotonic clock. */
  open: WorldExchange | undefined;
  flightFrom: number;
  isRepeat: boolean;
  /** Whether it counts as one without a token. */
  isWithoutToken: 'no' | 'maybe' | 'yes';
  newer: 'no' | 'maybe' | 'yes';
  /** When the cache has said that it will ask by itself. */
  announced: { readonly from: number; readonly to: number } | undefined;
}

interface FailureModel {
  readonly at: number;
  readonly code: string;
  readonly retryAfterS?: number | undefined;
  readonly countFrom: number;
  readonly countTo: number;
  /** When the first of them failed: at the earliest and at the latest. */
  readonly sinceFrom: number;
  readonly sinceTo: number;
  readonly waitFrom: number;
  readonly waitTo: number;
  readonly rememberedFrom: number;
  readonly rememberedTo: number;
  readonly wasDue: 'yes' | 'maybe' | 'no';
}

interface Pending {
  readonly key: number;
  readonly calledMonotonic: number;
  /** Until when it may wait if its key has a token to serve, and whether it has at that time. */
  readonly patientUntil: number;
  settled: boolean;
}

export interface PlayOptions {
  readonly create: CreateSource;
  readonly keys: number;
  readonly seed: number;
  readonly limits?: CacheLimits;
  /** Without it, keys that were filled together are due together. */
  readonly hasJitter?: boolean;
}

class Broken extends Error {}

/**
 * Plays a schedule against a cache and holds everything it does against docs/caching.md.
 * @returns the breach of the cache's promise; undefined if it kept it.
 */
export async function findBreach(
  steps: readonly Step[],
  { create, keys, seed, limits = {}, hasJitter = true }: PlayOptions,
): Promise<string | undefined> {
  const world = createWorld({ create, limits, random: hasJitter ? seededRandom(seed) : () => 0 });
  const play = new Play(world, keys, limits);
  try {
    for (const step of steps) await play.do(step);
    await play.end(seed % 8 === 0);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Broken) return thrown.message;
    throw thrown;
  }
}

class Play {
  readonly #world: World;
  readonly #keys: KeyModel[];
  readonly #issued = new Map<
    string,
    { key: number; trueEnd: number; cameAt: number; stepped: number }
  >();
  readonly #pending = new Set<Pending>();
  readonly #background: WorldExchange[] = [];
  readonly #seenAssertions = new Set<number>();
  readonly #maxWithoutToken: number;
  #assertionChangedAt = Number.NEGATIVE_INFINITY;
  #latestAssertion = 0;
  #steppedAt = 0;
  #seenExchanges = 0;
  #seenLines = 0;
  #stopped = false;
  #breach: string | undefined;

  constructor(world: World, keys: number, limits: CacheLimits) {
    this.#world = world;
    this.#maxWithoutToken = limits.maxExchangesWithoutToken ?? 64;
    this.#keys = Array.from({ length: keys }, () => ({
      endsFrom: Number.NEGATIVE_INFINITY,
      endsTo: Number.NEGATIVE_INFINITY,
      life: 0,
      dueFrom: Number.POSITIVE_INFINITY,
      dueTo: Number.POSITIVE_INFINITY,
      receivedAt: 0,
      usedFrom: Number.NEGATIVE_INFINITY,
      usedTo: Number.NEGATIVE_INFINITY,
      failure: undefined,
      open: undefined,
      flightFrom: 0,
      isRepeat: false,
      isWithoutToken: 'no',
      newer: 'no',
      announced: undefined,
    }));
  }

  async do(step: Step): Promise<void> {
    const world = this.#world;
    switch (step.do) {
      case 'get':
        await this.#get(step.key, step.bypassCache);
        break;
      case 'peek':
        this.#peek(step.key);
        break;
      case 'fill':
        await this.#fill();
        break;
      case 'wait':
        await this.#wait(step.ms);
        break;
      case 'due': {
        const untilMs = this.#key(step.key).dueTo + step.pastMs - world.believedMs;
        if (untilMs > 0 && untilMs < 48 * H) await this.#wait(Math.ceil(untilMs));
        this.#peek(step.key);
        break;
      }
      case 'abandon':
        await this.#abandon(step.key);
        break;
      case 'storm':
        await this.#storm(step.key, step.error, step.times);
        break;
      case 'overtake':
        await this.#overtake(step.key, step.other);
        break;
      case 'issue': {
        const exchange = this.#pick(step.pick);
        if (exchange !== undefined) await this.#issue(exchange, step.token);
        break;
      }
      case 'fail': {
        const exchange = this.#pick(step.pick);
        if (exchange !== undefined) await this.#fail(exchange, step.error);
        break;
      }
      case 'garble': {
        const exchange = this.#pick(step.pick);
        if (exchange === undefined) break;
        exchange.resolve(garbles[step.what]);
        this.#landFailure(exchange, { code: 'ERR_UNAVAILABLE' });
        break;
      }
      case 'rotate':
        world.assertion += 3_600;
        break;
      case 'suspend':
      case 'correct':
        if (step.do === 'suspend') world.suspend(step.ms);
        else world.correct(step.ms);
        for (const key of this.#keys) key.announced = undefined;
        this.#steppedAt = world.believedMs;
        // The clocks can only be compared when somebody looks at them.
        world.source.status();
        await world.advance(2);
        break;
      case 'stop':
        this.#stopped = true;
        for (const key of this.#keys) {
          if (key.open !== undefined) key.open.isOpen = false;
          key.open = undefined;
        }
        world.source.stop();
        break;
    }
    await world.settle();
    this.#check();
  }

  async end(isLong: boolean): Promise<void> {
    const world = this.#world;
    await this.#wait(DEADLINE);
    if (this.#pending.size > 0) this.#break('a caller still waits 30 s after the last step');
    if (isLong && !this.#stopped) {
      // Nobody asks any more, and whatever the cache asks of Entra hangs.
      for (let ms = 0; ms < 100 * H; ms += 10 * MIN) await world.advance(10 * MIN);
      const { entries } = world.source.status();
      if (entries > 0) this.#break(`${entries} entries are left when nothing is of use any longer`);
      if (world.pendingTimers > 0) this.#break('a timer is left');
    }
    world.source.stop();
    await world.settle();
    if (world.pendingTimers > 0) this.#break('a timer is left after stop');
  }

  // What happens.

  async #get(key: number, bypassCache: boolean): Promise<void> {
    const world = this.#world;
    const model = this.#key(key);
    const now = world.believedMs;
    const before = { ...model };
    const begun = world.exchanges.length;
    model.announced = undefined;
    const flightFrom = model.open === undefined ? world.monotonicMs : model.flightFrom;
    const pending: Pending = {
      key,
      calledMonotonic: world.monotonicMs,
      patientUntil: flightFrom + PATIENCE,
      settled: false,
    };
    this.#pending.add(pending);
    world.asking = true;
    const promise = world.source.get(world.request(key), { bypassCache });
    world.asking = false;
    model.usedFrom = now;
    model.usedTo = Math.max(model.usedTo, now);
    let error: ProxyError | undefined;
    const settle = (): void => {
      pending.settled = true;
      this.#pending.delete(pending);
      // A token served from the cache after waiting counts as used then.
      model.usedTo = Math.max(model.usedTo, world.believedMs);
    };
    promise.then(
      (token) => {
        this.#checkServed(key, token);
        settle();
      },
      (thrown: unknown) => {
        settle();
        if (thrown instanceof ProxyError) error = thrown;
        else this.#breach ??= `a caller was told ${String(thrown)}`;
      },
    );
    await world.settle();
    const started = world.exchanges.length > begun;
    this.#lookAtStarts(key, bypassCache);

    const isSure = before.endsFrom - now >= SERVABLE;
    const mayWaitForNewer = bypassCache && now - before.receivedAt >= BYPASS_AGE;
    const isFresh = isSure && now < before.dueFrom;
    const isComfortable = before.endsFrom - now >= WAITS_BELOW;
    if (isSure && (isFresh || isComfortable) && !mayWaitForNewer && !pending.settled) {
      this.#break(`key ${key}: a caller waits although there is a token`);
    }
    if (mayWaitForNewer && model.open !== undefined) {
      const sure = isComfortable && !pending.settled;
      model.newer = sure ? 'yes' : model.newer === 'yes' ? 'yes' : 'maybe';
    }
    if (error !== undefined && isSure) {
      this.#break(`key ${key}: a caller was told ${error.code} although there is a token`);
    }
    if (error !== undefined && !started) this.#checkRemembered(key, error, before, now);
    const { failure } = before;
    const isRemembered = failure !== undefined && now < failure.at + failure.rememberedTo;
    const isCold = before.endsTo - now < SERVABLE;
    const isRoom = this.#countWithoutToken('yes', 'maybe') < this.#maxWithoutToken;
    if (isCold && !isRemembered && before.open === undefined && !started && !this.#stopped) {
      if (isRoom) this.#break(`key ${key}: no exchange began for a caller without a token`);
    }
  }

  #checkRemembered(key: number, error: ProxyError, before: KeyModel, now: number): void {
    if (this.#stopped && error.code === 'ERR_SHUTTING_DOWN') return;
    if (/exchanges are running/.test(error.message)) {
      if (this.#countWithoutToken('yes', 'maybe') < this.#maxWithoutToken) {
        this.#break(`key ${key}: a caller was turned away although there was room`);
      }
      return;
    }
    const { failure } = before;
    if (failure === undefined || now >= failure.at + failure.rememberedTo) {
      throw new Broken(`key ${key}: ${error.code} is told from memory that nobody should have`);
    }
    if (error.code !== failure.code) this.#break(`key ${key}: ${error.code} is not what failed`);
    const told = error.details.retryAfterSeconds;
    if (error.code === 'ERR_REJECTED' || error.code === 'ERR_ASSERTION') return;
    const leastS = Math.ceil((failure.at + failure.rememberedFrom - now) / S);
    const mostS = Math.ceil((failure.at + failure.rememberedTo - now) / S);
    const isLonger = error.code !== 'ERR_THROTTLED' && told === failure.retryAfterS;
    if (told === undefined || told < leastS || (told > mostS && !isLonger)) {
      this.#break(`key ${key}: told to come back in ${told} s after ${error.code}`);
    }
  }

  #peek(key: number): void {
    const model = this.#key(key);
    const now = this.#world.believedMs;
    const token = this.#world.source.peek(this.#world.request(key).key);
    model.announced = undefined;
    if (token !== undefined) {
      this.#checkServed(key, token);
      if (this.#isWorthWaiting(model))
        this.#break(`key ${key}: served although it is worth waiting`);
      model.usedFrom = now;
      model.usedTo = now;
      return;
    }
    const left = model.endsFrom - now;
    if (left >= WAITS_BELOW || (left >= SERVABLE && now < model.dueFrom)) {
      this.#break(`key ${key}: not served although there is a token`);
    }
  }

  async #abandon(key: number): Promise<void> {
    const model = this.#key(key);
    const token = { lifeS: 3_600, elapsed: 0, refreshInS: 1_500 };
    for (let renewals = 0; renewals < 2; renewals += 1) {
      const untilMs = model.dueTo - this.#world.believedMs;
      if (untilMs > 0 && untilMs < 24 * H) await this.#wait(Math.ceil(untilMs));
      else if (renewals === 0 && model.open === undefined) await this.#get(key, false);
      if (!model.open?.isOpen) return;
      await this.#issue(model.open, token);
      await this.#world.settle();
    }
    await this.#wait(40 * MIN);
  }

  async #storm(key: number, error: ScheduledError, times: number): Promise<void> {
    for (let round = 0; round < times; round += 1) {
      for (let waits = 0; waits < 80 && !this.#isAskedFor(key); waits += 1) await this.#wait(CHUNK);
      const { open } = this.#key(key);
      if (!open?.isOpen) return;
      await this.#fail(open, error);
      await this.#world.settle();
      this.#check();
    }
  }

  #isAskedFor(key: number): boolean {
    return this.#key(key).open !== undefined;
  }

  async #overtake(key: number, other: number): Promise<void> {
    if (key === other) return;
    const old = this.#key(key);
    const fresh = this.#key(other);
    if (old.open === undefined) await this.#get(key, false);
    if (!old.open?.isOpen || this.#isAskedFor(other)) return;
    this.#world.assertion += 3_600;
    await this.#get(other, true);
    if (!fresh.open?.isOpen) return;
    await this.#issue(fresh.open, { lifeS: 3_600, elapsed: 0, refreshInS: undefined });
    await this.#world.settle();
    if (!old.open?.isOpen) return;
    await this.#fail(old.open, { code: 'ERR_REJECTED', aadsts: 700_024 });
    await this.#world.settle();
    this.#check();
    await this.#get(key, false);
  }

  /** Whether a caller should rather wait for the renewal: the token is short, and the renewal is on its way. */
  #isWorthWaiting({ open, endsTo, dueTo, failure, flightFrom }: KeyModel): boolean {
    const { believedMs: now, monotonicMs } = this.#world;
    if (now < dueTo || endsTo - now >= WAITS_BELOW || this.#stopped) return false;
    if (open === undefined) return failure === undefined;
    return monotonicMs < flightFrom + PATIENCE && now < open.startedAtMs + PATIENCE;
  }

  async #fill(): Promise<void> {
    for (const [key, model] of this.#keys.entries()) {
      if (model.endsTo - this.#world.believedMs < SERVABLE) await this.#get(key, false);
      const { open } = model;
      if (!open?.isOpen) continue;
      await this.#issue(open, { lifeS: 3_600, elapsed: 0, refreshInS: undefined });
      await this.#world.settle();
    }
  }

  async #wait(ms: number): Promise<void> {
    const world = this.#world;
    for (let left = ms; left > 0; ) {
      // Never past the deadline of an exchange, so that it is seen when it passes.
      let chunk = Math.min(left, this.#isQuiet(left) ? left : CHUNK);
      for (const { open, flightFrom } of this.#keys) {
        if (open === undefined) continue;
        const untilDeadline = flightFrom + DEADLINE - world.monotonicMs;
        if (untilDeadline > 0) chunk = Math.min(chunk, untilDeadline);
      }
      await world.advance(chunk);
      await world.settle();
      left -= chunk;
      this.#check();
    }
  }

  /** Whether nothing that a chunk could hide can happen: no exchange runs, and none may begin. */
  #isQuiet(ms: number): boolean {
    const until = this.#world.believedMs + ms + CHUNK;
    return this.#keys.every(
      ({ open, dueFrom, endsTo, failure }) =>
        open === undefined &&
        failure === undefined &&
        (until < dueFrom || until < endsTo - ms) &&
        until < dueFrom,
    );
  }

  async #issue(
    exchange: WorldExchange,
    scheduled: { lifeS: number; elapsed: number; refreshInS: number | undefined },
  ): Promise<void> {
    const world = this.#world;
    const model = this.#key(exchange.key);
    const now = world.believedMs;
    const tookMs = world.monotonicMs - exchange.startedMonotonicMs;
    const elapsedMs = Math.floor(scheduled.elapsed * tookMs);
    const suspendedMs = world.trueMs - exchange.startedTrueMs - tookMs;
    const steppedMs = world.steppedMs - exchange.steppedMs;
    const lifeMs = scheduled.lifeS * S;
    const asked = now - elapsedMs - steppedMs;
    const ends = asked + lifeMs;
    const accessToken = `token-${this.#issued.size}`;
    this.#issued.set(accessToken, {
      key: exchange.key,
      trueEnd: world.trueMs - elapsedMs - suspendedMs + lifeMs,
      cameAt: now,
      stepped: exchange.steppedMs - (exchange.startedTrueMs - exchange.startedMonotonicMs),
    });
    const begun = world.exchanges.length;
    exchange.resolve({
      accessToken,
      expiresInSeconds: scheduled.lifeS,
      extExpiresInSeconds: scheduled.lifeS,
      refreshInSeconds: scheduled.refreshInS,
      elapsedMs,
      assertionExpiresAtSeconds: exchange.assertion,
    });
    this.#notice(exchange.assertion);
    if (lifeMs > elapsedMs && steppedMs > S && ends - now < SERVABLE && !model.isRepeat) {
      // It may be a valid token: the cache must find out.
      await world.settle();
      const again = world.exchanges[begun];
      if (again?.key !== exchange.key) this.#break(`key ${exchange.key}: a valid token is lost`);
      this.#seenExchanges = Math.max(this.#seenExchanges, begun + 1);
      model.open = again;
      model.isRepeat = true;
      return;
    }
    if (ends <= now) {
      this.#landFailure(exchange, { code: 'ERR_UNAVAILABLE' });
      return;
    }
    const isHeld = model.endsFrom - now >= SERVABLE;
    if (ends - now < SERVABLE && isHeld) {
      this.#landFailure(exchange, { code: 'ERR_UNAVAILABLE' });
      return;
    }
    const { newer } = model;
    this.#endFlight(model);
    model.failure = undefined;
    if (ends - now < SERVABLE) {
      model.endsFrom = Number.NEGATIVE_INFINITY;
      model.endsTo = Number.NEGATIVE_INFINITY;
      return;
    }
    const plan = toPlan(asked, lifeMs, scheduled.refreshInS);
    const isLonger = !isHeld || ends >= model.endsFrom;
    const canBeNewer = newer !== 'no' && ends - now >= WAITS_BELOW;
    if (isLonger || (canBeNewer && newer === 'yes')) {
      Object.assign(model, {
        endsFrom: ends,
        endsTo: ends,
        life: lifeMs,
        ...plan,
        receivedAt: now,
      });
      return;
    }
    const kept = toPlan(now, model.endsFrom - now, undefined);
    if (canBeNewer) {
      Object.assign(model, {
        endsFrom: ends,
        dueFrom: Math.min(plan.dueFrom, kept.dueFrom),
        dueTo: Number.POSITIVE_INFINITY,
        life: Math.max(lifeMs, model.life),
      });
      return;
    }
    Object.assign(model, kept, { receivedAt: now });
  }

  async #fail(exchange: WorldExchange, error: ScheduledError): Promise<void> {
    const presents = error.code === 'ERR_REJECTED' || error.code === 'ERR_ASSERTION';
    exchange.reject(
      new ProxyError(error.code, 'scheduled', {
        aadsts: error.aadsts,
        retryAfterSeconds: error.retryAfterS,
        assertionExpiresAtSeconds: presents ? exchange.assertion : undefined,
      }),
    );
    if (presents) this.#notice(exchange.assertion);
    const isOutdated =
      presents &&
      exchange.startedAtMs <= this.#assertionChangedAt &&
      exchange.assertion !== this.#latestAssertion;
    if (isOutdated) this.#endFlight(this.#key(exchange.key));
    // Only the cache itself is asked to shut down.
    else if (error.code === 'ERR_SHUTTING_DOWN')
      this.#landFailure(exchange, { code: 'ERR_UNAVAILABLE' });
    else this.#landFailure(exchange, error);
  }

  /** With a new assertion, failures are forgotten; a throttle is not. */
  #notice(assertion: number): void {
    if (this.#seenAssertions.has(assertion)) return;
    const isFirst = this.#seenAssertions.size === 0;
    this.#seenAssertions.add(assertion);
    this.#latestAssertion = assertion;
    if (isFirst) return;
    this.#assertionChangedAt = this.#world.believedMs;
    for (const key of this.#keys) {
      key.announced = undefined;
      if (key.failure === undefined || key.failure.code === 'ERR_THROTTLED') continue;
      key.failure = {
        ...key.failure,
        countFrom: 0,
        countTo: 0,
        waitFrom: 0,
        waitTo: this.#world.believedMs - key.failure.at,
        rememberedFrom: 0,
        rememberedTo: 0,
      };
    }
  }

  #landFailure(exchange: WorldExchange, error: ScheduledError): void {
    const model = this.#key(exchange.key);
    const now = this.#world.believedMs;
    this.#endFlight(model);
    const isHeld = model.endsFrom - now >= SERVABLE;
    const wasDue = !isHeld || now < model.dueFrom ? 'no' : now >= model.dueTo ? 'yes' : 'maybe';
    const previous = model.failure;
    const isFirst = isHeld && wasDue === 'yes' && previous?.wasDue === 'no';
    const countTo = isFirst ? 1 : (previous?.countTo ?? 0) + 1;
    const isAnew = isHeld && wasDue !== 'no' && previous !== undefined && previous.wasDue !== 'yes';
    const countFrom = isAnew ? 1 : (previous?.countFrom ?? 0) + 1;
    const sinceFrom = isFirst ? now : (previous?.sinceFrom ?? now);
    // The cache forgets a failure that is no longer shown.
    const isForgotten = previous !== undefined && now - previous.at >= SHOWN;
    const sinceTo = isAnew || isForgotten ? now : (previous?.sinceTo ?? now);
    const retryAfter = error.retryAfterS === undefined ? 0 : Math.min(error.retryAfterS * S, H);
    const isTimed = error.code === 'ERR_THROTTLED' && retryAfter > 0;
    const toWait = (count: number, jitter: number, spread: number, ends: number): number => {
      const least = isTimed ? retryAfter * spread : retryAfter;
      if (isTimed && count <= 1) return least;
      const doublings = isTimed ? count - 2 : count - 1;
      const most = Math.min(5 * MIN, Math.max(30 * S, (ends - now - SERVABLE) / 2));
      return Math.max(least, jitter * Math.min(30 * S * 2 ** doublings, most));
    };
    model.failure = {
      at: now,
      code: error.code,
      countFrom,
      countTo,
      sinceFrom,
      sinceTo,
      waitFrom: toWait(countFrom, 0.8, 1, model.endsFrom),
      waitTo: toWait(countTo, 1.2, 1.5, model.endsTo),
      rememberedFrom: toRemembered(error, retryAfter, now - sinceTo)[0],
      rememberedTo: toRemembered(error, retryAfter, now - sinceFrom)[1],
      retryAfterS: error.retryAfterS,
      wasDue,
    };
  }

  #endFlight(model: KeyModel): void {
    model.open = undefined;
    model.isRepeat = false;
    model.newer = 'no';
    model.announced = undefined;
  }

  // The invariants.

  #check(): void {
    const { faults } = this.#world;
    if (this.#breach !== undefined) this.#break(this.#breach);
    if (faults.length > 0) this.#break(`thrown out of a timer: ${String(faults[0])}`);
    this.#takeTimeouts();
    this.#lookAtStarts(undefined, false);
    this.#lookAtLines();
    this.#lookAtStatus();
    this.#lookAtTime();
  }

  #takeTimeouts(): void {
    const { monotonicMs } = this.#world;
    for (const model of this.#keys) {
      const { open } = model;
      if (open === undefined || open.isOpen) continue;
      if (open.abortedWith !== 'ERR_TIMEOUT' || monotonicMs < model.flightFrom + DEADLINE - 1) {
        this.#break(`key ${open.key}: its exchange was aborted with ${open.abortedWith}`);
      }
      this.#landFailure(open, { code: 'ERR_TIMEOUT' });
    }
  }

  #lookAtStarts(askedKey: number | undefined, bypassCache: boolean): void {
    const world = this.#world;
    for (; this.#seenExchanges < world.exchanges.length; this.#seenExchanges += 1) {
      const exchange = world.exchanges[this.#seenExchanges];
      if (exchange === undefined) continue;
      const { key } = exchange;
      const model = this.#key(key);
      const at = exchange.startedAtMs;
      if (this.#stopped) this.#break(`key ${key}: an exchange began after stop`);
      if (model.open !== undefined) this.#break(`key ${key}: two exchanges at a time`);
      const isSure = model.endsFrom - at >= SERVABLE;
      const isPossible = model.endsTo - at >= SERVABLE;
      const isNewer = key === askedKey && bypassCache && at - model.receivedAt >= BYPASS_AGE;
      const isDue = at >= model.dueFrom - 1;
      if (isSure && !isDue && !isNewer) this.#break(`key ${key}: renewed before it was due`);
      if (!exchange.isAsked) {
        if (!isPossible) this.#break(`key ${key}: asked for without a caller or a token`);
        if (at - model.usedTo > model.life) this.#break(`key ${key}: renewed though out of use`);
        this.#checkSlots(exchange);
      }
      const { failure, announced } = model;
      if (failure !== undefined) {
        const wait = isSure ? failure.waitFrom : isPossible ? 0 : failure.rememberedFrom;
        if (at < failure.at + wait - 1) {
          this.#break(`key ${key}: asked again ${at - failure.at} ms after ${failure.code}`);
        }
      }
      if (announced !== undefined && !exchange.isAsked && at < announced.from) {
        this.#break(`key ${key}: asked again ${announced.from - at} ms earlier than it was told`);
      }
      model.open = exchange;
      model.flightFrom = exchange.startedMonotonicMs;
      model.isRepeat = false;
      model.isWithoutToken = !exchange.isAsked || isSure ? 'no' : isPossible ? 'maybe' : 'yes';
      model.newer = 'no';
      model.announced = undefined;
    }
    if (this.#countWithoutToken('yes') > this.#maxWithoutToken) {
      this.#break('too many exchanges of keys without a token');
    }
  }

  #checkSlots(exchange: WorldExchange): void {
    this.#background.push(exchange);
    const running = this.#background.filter(({ isOpen }) => isOpen);
    const holding = running.filter(
      ({ startedAtMs }) => exchange.startedAtMs - startedAtMs < SLOT_HELD - 1,
    );
    if (holding.length > SLOTS) this.#break('too many renewals at a time');
    if (running.length > (SLOTS * DEADLINE) / SLOT_HELD) this.#break('too many renewals run');
  }

  #countWithoutToken(...certainty: readonly ('yes' | 'maybe')[]): number {
    return this.#keys.filter(
      ({ open, isWithoutToken }) =>
        open !== undefined && certainty.includes(isWithoutToken as 'yes'),
    ).length;
  }

  #checkServed(key: number, token: Token): void {
    const world = this.#world;
    const record = this.#issued.get(token.accessToken);
    if (record?.key !== key) {
      this.#breach ??= `key ${key}: served a token of another key`;
      return;
    }
    const leftMs = record.trueEnd - world.trueMs;
    const isJustIssued = record.cameAt === world.believedMs;
    if (leftMs < SERVABLE && !isJustIssued) {
      this.#breach ??= `key ${key}: served with ${leftMs} ms of life`;
    }
    // A token whose life the clocks leave in doubt is told to end earlier than it does, never later.
    const toldMs = token.expiresAtSeconds * S - world.epochMs;
    const steppedSince = world.steppedMs - (world.trueMs - world.monotonicMs) - record.stepped;
    if (toldMs > leftMs + 1_001 && !isJustIssued) {
      this.#breach ??= `key ${key}: told to end ${toldMs - leftMs} ms later than it does`;
    }
    if (toldMs < leftMs - steppedSince - 2_001 && !isJustIssued) {
      this.#breach ??= `key ${key}: told to end ${leftMs - toldMs} ms too early`;
    }
  }

  #lookAtLines(): void {
    const world = this.#world;
    const now = world.believedMs;
    for (; this.#seenLines < world.lines.length; this.#seenLines += 1) {
      const line = world.lines[this.#seenLines];
      if (line === undefined) continue;
      const key = Number(String(line.fields['resource']).replace(/\D/g, ''));
      const model = this.#key(key);
      const retryInS = line.fields['retry_in_s'];
      if (typeof retryInS === 'number' && model.open === undefined && model.failure !== undefined) {
        this.#announce(model, model.failure.at + retryInS * S);
      }
      if (line.message === 'token is about to expire and could not be refreshed') {
        if (model.failure === undefined) this.#break(`key ${key}: lost without a failure`);
        if (now - model.usedTo > model.life + CHUNK + 1) {
          this.#break(`key ${key}: abandoned, and reported as lost`);
        }
      }
    }
  }

  #announce(model: KeyModel, at: number): void {
    model.announced = { from: at - 1_001, to: at + 1_001 + SLACK };
  }

  #lookAtStatus(): void {
    if (this.#stopped) return;
    const world = this.#world;
    const now = world.believedMs;
    const status = world.source.status();
    if (status.entries > this.#keys.length) this.#break('more entries than keys');
    const running = this.#keys.filter(({ open }) => open !== undefined).length;
    if (status.exchangesRunning !== running) {
      this.#break(`${status.exchangesRunning} exchanges are said to run, not ${running}`);
    }
    for (const [key, model] of this.#keys.entries()) {
      const shown = status.failing.find(({ resource }) => resource === `api://${key}`);
      const { failure } = model;
      const isSure = model.endsFrom - now >= SERVABLE;
      const isPossible = model.endsTo - now >= SERVABLE;
      if (shown === undefined) {
        const isInUse = now - model.usedFrom <= model.life;
        if (isSure && failure?.wasDue === 'yes' && isInUse && failure.countFrom > 0) {
          this.#break(`key ${key}: its renewal fails, and the status does not say so`);
        }
        if (!isPossible && failure !== undefined && now - failure.at < SHOWN && model.endsTo < 0) {
          this.#break(`key ${key}: it fails, and the status does not say so`);
        }
        continue;
      }
      if (failure === undefined)
        throw new Broken(`key ${key}: shown as failing, and nothing failed`);
      if (shown.code !== failure.code) this.#break(`key ${key}: shown with ${shown.code}`);
      if (isSure) {
        const holdsBack = failure.wasDue !== 'no' || failure.at + failure.waitTo > model.dueFrom;
        if (!shown.hasToken) this.#break(`key ${key}: shown without its token`);
        if (now < model.dueFrom || !holdsBack) {
          this.#break(`key ${key}: shown as failing although its renewal is not due`);
        }
        if (now - model.usedTo > model.life) this.#break(`key ${key}: abandoned, shown as failing`);
      }
      const retryAt = now + shown.nextRetryAtSeconds * S - world.epochMs;
      if (shown.retriesByItself && model.open === undefined) {
        if (!isPossible) this.#break(`key ${key}: said to be asked for without a token`);
        this.#announce(model, retryAt);
      }
      if (!isPossible && !shown.retriesByItself) {
        const from = Math.max(now, failure.at + failure.rememberedFrom) - 1_001;
        const to = Math.max(now, failure.at + failure.rememberedTo) + 1_001;
        if (retryAt < from || retryAt > to) {
          this.#break(`key ${key}: the next exchange is announced for ${retryAt - now} ms ahead`);
        }
      }
    }
  }

  #lookAtTime(): void {
    const { believedMs: now, monotonicMs } = this.#world;
    for (const pending of this.#pending) {
      const { key, calledMonotonic, patientUntil } = pending;
      if (monotonicMs > calledMonotonic + DEADLINE) this.#break(`key ${key}: waits over 30 s`);
      const model = this.#key(key);
      const isHeld = model.endsFrom - now >= SERVABLE + CHUNK;
      if (isHeld && monotonicMs > Math.max(patientUntil, calledMonotonic)) {
        this.#break(`key ${key}: waits over 5 s although there is a token`);
      }
    }
    if (this.#stopped) return;
    for (const [key, model] of this.#keys.entries()) {
      if (model.open !== undefined) continue;
      if (model.announced !== undefined && now > model.announced.to) {
        const isInUse = model.announced.to - model.usedFrom <= model.life;
        const isHeld = model.endsFrom - model.announced.to >= SERVABLE;
        if (isInUse && isHeld) this.#break(`key ${key}: not asked again when it was announced`);
        model.announced = undefined;
      }
      const { failure } = model;
      const held = failure === undefined ? 0 : failure.at + failure.waitTo;
      // A key that comes back into use after its renewal was due is renewed from then on.
      const at = Math.max(model.dueTo, held, this.#steppedAt, model.usedFrom);
      const isServed = model.endsFrom > now && model.endsFrom - at >= SERVABLE + SLACK;
      const isInUse = at + SLACK - model.usedFrom <= model.life;
      if (isServed && isInUse && now > at + SLACK) {
        this.#break(`key ${key}: in use, and not renewed ${now - at} ms after it was due`);
      }
    }
  }

  // Helpers.

  #key(key: number): KeyModel {
    const model = this.#keys[key];
    if (model === undefined) throw new Broken(`there is no key ${key}`);
    return model;
  }

  #pick(pick: number): WorldExchange | undefined {
    const open = this.#keys.flatMap((key) => (key.open?.isOpen ? [key.open] : []));
    return open[pick % Math.max(1, open.length)];
  }

  #break(what: string): never {
    throw new Broken(what);
  }
}

/** When a token is renewed, with all of the jitter and with none. */
function toPlan(
  asked: number,
  life: number,
  refreshInS: number | undefined,
): { readonly dueFrom: number; readonly dueTo: number } {
  const usual = life > 2 * H ? life / 2 : life * 0.8;
  const named = refreshInS !== undefined && refreshInS >= 30 ? refreshInS * S : usual;
  const wished = Math.min(usual, named);
  const delay = Math.max(Math.min(wished, life - 10 * MIN), Math.min(wished, life / 2));
  return { dueFrom: asked + delay - Math.min(delay * 0.15, H), dueTo: asked + delay };
}

/** For how long a failure is remembered: at least and at most. */
function toRemembered(
  error: ScheduledError,
  retryAfter: number,
  failing: number,
): readonly [number, number] {
  switch (error.code) {
    case 'ERR_REJECTED':
      return error.aadsts === 700_213 ? [5 * S, 5 * S] : [10 * S, 10 * S];
    case 'ERR_THROTTLED': {
      const wait = retryAfter > 0 ? retryAfter : 10 * S;
      return [wait, 1.5 * wait];
    }
    case 'ERR_ASSERTION':
      return [S, S];
    default: {
      const wait = Math.min(30 * S, Math.max(S, failing / 4));
      return [wait, 1.2 * wait];
    }
  }
}

function seededRandom(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
