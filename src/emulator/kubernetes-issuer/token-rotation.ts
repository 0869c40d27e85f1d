import type { Clock } from '../clock.ts';
import type { ProjectedFile } from './projected-file.ts';

/** Keeps a projected token file fresh. */
export interface TokenRotation {
  /** Writes a new token now; the next is due 80 % of its life later. */
  rotate(): Promise<void>;
  /** Stops permanently. Resolves when no write is under way any more. */
  stop(): Promise<void>;
}

/** The kubelet asks for a new token when 80 % of the old one's life are over. */
const rotateAfter = 0.8;
/** After a failed write. */
const retryMs = 5_000;

/**
 * @param mint makes the next token and says how long it lives.
 * @param onError called when a background write has failed; it is retried.
 */
export function createTokenRotation(deps: {
  readonly clock: Clock;
  readonly file: ProjectedFile;
  readonly mint: () => Promise<{ readonly token: string; readonly lifetimeSeconds: number }>;
  readonly onError: (error: unknown) => void;
}): TokenRotation {
  const { clock, file, mint, onError } = deps;
  let cancel = (): void => undefined;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();

  const renew = async (): Promise<void> => {
    const { token, lifetimeSeconds } = await mint();
    await file.write(token);
    schedule(lifetimeSeconds * 1000 * rotateAfter);
  };
  const rotate = (): Promise<void> => {
    running = renew();
    return running;
  };
  const schedule = (delayMs: number): void => {
    cancel();
    if (stopped) return;
    cancel = clock.after(delayMs, () => {
      rotate().catch((error: unknown) => {
        onError(error);
        schedule(retryMs);
      });
    });
  };

  return {
    rotate,
    async stop() {
      stopped = true;
      cancel();
      await running.catch(() => undefined);
    },
  };
}
