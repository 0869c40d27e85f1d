import { describe, expect, it } from 'vitest';
import { createTokenRotation } from '../../../src/emulator/kubernetes-issuer/token-rotation.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function createFixture() {
  const clock = createManualClock();
  const written: string[] = [];
  const errors: unknown[] = [];
  let failure: Error | undefined;
  let minted = 0;
  let lifetimeSeconds = 3600;
  const rotation = createTokenRotation({
    clock,
    file: {
      path: '/nowhere',
      async write(content) {
        if (failure !== undefined) throw failure;
        written.push(content);
      },
      remove: async () => undefined,
    },
    mint: async () => {
      minted += 1;
      return { token: `token ${minted}`, lifetimeSeconds };
    },
    onError: (error) => errors.push(error),
  });
  return {
    clock,
    written,
    errors,
    rotation,
    fail: (error: Error | undefined) => {
      failure = error;
    },
    setLifetime: (seconds: number) => {
      lifetimeSeconds = seconds;
    },
  };
}

describe('the rotation of the token file', () => {
  it("writes at once and then at 80 % of each token's life", async () => {
    const { clock, written, rotation, setLifetime } = createFixture();
    await rotation.rotate();
    expect(written).toEqual(['token 1']);
    setLifetime(100);
    await clock.advance(2_880_000 - 1);
    expect(written).toHaveLength(1);
    await clock.advance(1);
    expect(written).toEqual(['token 1', 'token 2']);
    await clock.advance(80_000);
    expect(written).toHaveLength(3);
  });

  it('starts to count anew when asked to rotate', async () => {
    const { clock, written, rotation } = createFixture();
    await rotation.rotate();
    await clock.advance(2_000_000);
    await rotation.rotate();
    await clock.advance(2_000_000);
    expect(written).toHaveLength(2);
    expect(clock.pendingTimers).toBe(1);
  });

  it('reports a failure in the background and tries again', async () => {
    const { clock, written, errors, rotation, fail } = createFixture();
    await rotation.rotate();
    const full = new Error('ENOSPC');
    fail(full);
    await clock.advance(2_880_000 + 5_000);
    expect(errors).toEqual([full, full]);
    fail(undefined);
    await clock.advance(5_000);
    expect(written).toHaveLength(2);
  });

  it('tells the caller of a failure in the foreground', async () => {
    const { errors, rotation, fail } = createFixture();
    fail(new Error('EACCES'));
    await expect(rotation.rotate()).rejects.toThrow('EACCES');
    expect(errors).toEqual([]);
  });

  it('stops permanently, even in the middle of a write', async () => {
    const { clock, written, rotation } = createFixture();
    const running = rotation.rotate();
    await rotation.stop();
    expect(written).toHaveLength(1);
    await running;
    await clock.advance(10_000_000);
    expect(written).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
