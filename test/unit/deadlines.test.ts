import { describe, expect, it } from 'vitest';
import { untilAborted, withDeadline } from '../../src/proxy/deadlines.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { drive, neverAborted } from './entra/support.ts';

const never = new Promise<never>(() => {});

describe('untilAborted', () => {
  it('passes on the outcome of the promise', async () => {
    await expect(untilAborted(Promise.resolve(1), neverAborted)).resolves.toBe(1);
    await expect(untilAborted(Promise.reject(new Error('x')), neverAborted)).rejects.toThrow('x');
  });

  it('rejects with the reason, before or during', async () => {
    const reason = new Error('reason');
    await expect(untilAborted(never, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = untilAborted(never, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('lets a rejection that comes too late pass unnoticed', async () => {
    const late = Promise.withResolvers<never>();
    const waiting = untilAborted(late.promise, AbortSignal.abort(new Error('first')));
    await expect(waiting).rejects.toThrow('first');
    // Vitest fails the run for an unhandled rejection.
    late.reject(new Error('second'));
  });
});

describe('withDeadline', () => {
  const deadline = { afterMs: 1_000, toError: () => new Error('too late') };

  it('ends work that heeds no signal', async () => {
    const clock = createManualClock();
    let signal: AbortSignal | undefined;
    const result = await drive(
      clock,
      withDeadline(clock, deadline, neverAborted, (given) => {
        signal = given;
        return never;
      }),
    );
    expect(result).toMatchObject({ status: 'rejected', reason: { message: 'too late' } });
    expect(signal?.aborted).toBe(true);
  });

  it('leaves no timer behind', async () => {
    const clock = createManualClock();
    await withDeadline(clock, deadline, neverAborted, () => Promise.resolve());
    await expect(
      withDeadline(clock, deadline, neverAborted, () => Promise.reject(new Error('x'))),
    ).rejects.toThrow('x');
    expect(clock.pendingTimers).toBe(0);
  });

  it('hands on the abort of its parent', async () => {
    const parent = new AbortController();
    const work = withDeadline(createManualClock(), deadline, parent.signal, () => never);
    parent.abort(new Error('cancelled'));
    await expect(work).rejects.toThrow('cancelled');
  });

  it('does not begin after the abort of its parent', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    let hasBegun = false;
    const work = withDeadline(createManualClock(), deadline, gone, async () => {
      hasBegun = true;
    });
    await expect(work).rejects.toThrow('gone');
    expect(hasBegun).toBe(false);
  });
});
