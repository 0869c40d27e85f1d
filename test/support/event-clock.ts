import type { Clock } from '../../src/proxy/clock.ts';

/** A clock for simulations: time jumps from one timer to the next, so days pass in seconds. */
export interface EventClock extends Clock {
  /**
   * Fires all timers that are due until `untilMs` on the monotonic clock, in order. After the timers of one
   * millisecond, every promise chain continues as far as it can.
   */
  runUntil(untilMs: number): Promise<void>;
  /** Sets the wall clock alone. */
  jumpEpoch(ms: number): void;
  readonly pendingTimers: number;
  /** Timers that have fired so far. */
  readonly fired: number;
}

interface Timer {
  readonly atMs: number;
  /** Timers of one instant fire in the order in which they were set. */
  readonly serial: number;
  readonly callback: () => void;
  /** Its place in the heap; -1 once it has left. */
  index: number;
}

/** Whole milliseconds, as Node's timers. Cancelling frees the timer at once: simulations cancel most of them. */
export function createEventClock(startEpochMs = Date.UTC(2026, 0, 1)): EventClock {
  const heap: Timer[] = [];
  let nowMs = 0;
  let offsetMs = startEpochMs;
  let serial = 0;
  let fired = 0;

  const isBefore = (a: Timer, b: Timer): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.serial < b.serial);

  const place = (timer: Timer, index: number): void => {
    heap[index] = timer;
    timer.index = index;
  };

  const rise = (timer: Timer, from: number): void => {
    let index = from;
    while (index > 0) {
      const parent = heap[(index - 1) >> 1] as Timer;
      if (!isBefore(timer, parent)) break;
      place(parent, index);
      index = (index - 1) >> 1;
    }
    place(timer, index);
  };

  const sink = (timer: Timer, from: number): void => {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const isRight = right < heap.length && isBefore(heap[right] as Timer, heap[left] as Timer);
      const child = heap[isRight ? right : left] as Timer;
      if (!isBefore(child, timer)) break;
      place(child, index);
      index = isRight ? right : left;
    }
    place(timer, index);
  };

  const remove = (timer: Timer): void => {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = heap.pop() as Timer;
    if (last === timer) return;
    rise(last, index);
    sink(last, last.index);
  };

  return {
    epochMs: () => nowMs + offsetMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const atMs = nowMs + Math.max(0, Math.ceil(delayMs));
      const timer: Timer = { atMs, serial, callback, index: heap.length };
      serial += 1;
      heap.push(timer);
      rise(timer, timer.index);
      return () => remove(timer);
    },
    async runUntil(untilMs) {
      await settle();
      for (;;) {
        const next = heap[0];
        if (next === undefined || next.atMs > untilMs) break;
        nowMs = next.atMs;
        for (let due = heap[0]; due !== undefined && due.atMs <= nowMs; due = heap[0]) {
          remove(due);
          fired += 1;
          due.callback();
        }
        await settle();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
    jumpEpoch(ms) {
      offsetMs += ms;
    },
    get pendingTimers() {
      return heap.length;
    },
    get fired() {
      return fired;
    },
  };
}

/** Node empties the queue of promises before the next tick, and a tick needs no turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
