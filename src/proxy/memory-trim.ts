import { runInNewContext } from 'node:vm';
import type { Clock } from './clock.ts';

/** V8's collector, as `--expose-gc` offers it. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/**
 * Gives memory back that V8 would keep until it needs some: about 1 MB after the start, several after a
 * busy time. It takes some 10 to 30 ms, in which nobody is answered, so it is for quiet moments.
 */
export function trimMemory(): void {
  // A flag of the command line would make Node refuse its code cache; set now, it costs nothing.
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  collect({ type: 'major', flavor: 'last-resort' });
}

/** How long no request must have come. */
const quietMs = 1_000;

/** Gives memory back once, in the first quiet moment. */
export function trimWhenQuiet(clock: Clock, lastRequestAtMs: () => number | undefined): void {
  clock.after(quietMs, () => {
    const idleSinceMs = lastRequestAtMs() ?? Number.NEGATIVE_INFINITY;
    if (clock.monotonicMs() - idleSinceMs >= quietMs) trimMemory();
    else trimWhenQuiet(clock, lastRequestAtMs);
  });
}
