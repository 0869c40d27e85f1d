import type { Fault } from './faults.ts';
import type { Schedule } from './schedule.ts';

const SECOND_MS = 1_000;

export interface ShrinkOptions<Failure> {
  /** Plays a schedule. @returns how it fails; undefined if it keeps every promise */
  readonly play: (schedule: Schedule) => Promise<Failure | undefined>;
  /** Whether there is time for another try. */
  readonly goesOn: () => boolean;
}

export interface Shrunk<Failure> {
  readonly schedule: Schedule;
  readonly failure: Failure;
  /** How many schedules were played. */
  readonly tries: number;
}

/**
 * Looks for a shorter schedule that fails as well: with fewer faults (delta debugging: Zeller and Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002), then earlier and shorter ones. It may fail for
 * another reason, which is as good. Each schedule that is kept has failed when it was played, so a failure that comes
 * only now and then shrinks less, but never to a schedule that did not fail.
 */
export async function shrink<Failure>(
  first: { readonly schedule: Schedule; readonly failure: Failure },
  { play, goesOn }: ShrinkOptions<Failure>,
): Promise<Shrunk<Failure>> {
  let best = first;
  let tries = 0;

  /** Keeps the faults if they fail. */
  const failsWith = async (faults: readonly Fault[]): Promise<boolean> => {
    if (!goesOn()) return false;
    tries += 1;
    const schedule = { ...best.schedule, faults };
    const failure = await play(schedule);
    if (failure === undefined) return false;
    best = { schedule, failure };
    return true;
  };

  const failsWithAny = async (candidates: readonly (readonly Fault[])[]): Promise<boolean> => {
    for (const faults of candidates) if (await failsWith(faults)) return true;
    return false;
  };

  // Without any fault: then the schedule does not matter.
  if (best.schedule.faults.length > 0 && (await failsWith([]))) return { ...best, tries };
  for (let pieces = 2; best.schedule.faults.length > 1; ) {
    const chunks = split(best.schedule.faults, pieces);
    const areHalves = chunks.length === 2;
    if (await failsWithAny(chunks)) pieces = 2;
    // The complement of one half is the other.
    else if (!areHalves && (await failsWithAny(toComplements(chunks)))) {
      pieces = Math.max(2, pieces - 1);
    } else if (pieces >= best.schedule.faults.length) break;
    else pieces = Math.min(best.schedule.faults.length, pieces * 2);
  }
  while (await failsWithAny(toShorter(best.schedule.faults)));
  return { ...best, tries };
}

function split(faults: readonly Fault[], pieces: number): readonly (readonly Fault[])[] {
  const size = Math.ceil(faults.length / pieces);
  return Array.from({ length: Math.ceil(faults.length / size) }, (_, index) =>
    faults.slice(index * size, (index + 1) * size),
  );
}

function toComplements(chunks: readonly (readonly Fault[])[]): readonly (readonly Fault[])[] {
  return chunks.map((chunk) => chunks.filter((other) => other !== chunk).flat());
}

/** The same faults, all earlier or one of them half as long. Times stay whole seconds, so that this ends. */
function toShorter(faults: readonly Fault[]): readonly (readonly Fault[])[] {
  const firstMs = Math.min(...faults.map(({ atMs }) => atMs));
  const earlier = faults.map((fault) => ({ ...fault, atMs: fault.atMs - firstMs }));
  const shorter = faults.flatMap((fault) => {
    const forMs = Math.floor(fault.forMs / 2 / SECOND_MS) * SECOND_MS;
    if (forMs === 0) return [];
    return [faults.map((other) => (other === fault ? { ...fault, forMs } : other))];
  });
  return firstMs > 0 ? [earlier, ...shorter] : shorter;
}
