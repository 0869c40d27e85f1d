/**
 * `npm run chaos:real`: random faults against the built proxy and proxy-init, in new namespaces and in real time.
 * Exits with 1 if a promise is not kept.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultNames } from './faults.ts';
import { findFolder, findObstacle, runInside } from './real/namespaces.ts';
import type { RealOutcome } from './real/play.ts';
import { describeFaults, describeOutcome, describePlayed, type Played } from './real/summary.ts';
import {
  describeSchedule,
  parseSchedule,
  type Schedule,
  toClock,
  toRealSchedule,
} from './schedule.ts';
import { shrink } from './shrink.ts';

const MINUTE_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '90' },
    faults: { type: 'string', default: '16' },
    seed: { type: 'string' },
    only: { type: 'string' },
    play: { type: 'string' },
    shrink: { type: 'string', default: '5' },
    programs: { type: 'string', default: join(import.meta.dirname, '../dist') },
    quick: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run chaos:real -- [--minutes N] [--seed N] [--seconds N] [--faults N] [--only FAULTS]
npm run chaos:real -- --play SCHEDULE

  --minutes   for how long to begin with another schedule (5)
  --seed      where to begin; a failure prints its own (the time)
  --seconds   length of each schedule; then everything must heal (90)
  --faults    faults of each schedule (16)
  --only      choose from these faults alone, as a list with commas
  --play      play a schedule as a failure prints it, or a file with it
  --shrink    for how many minutes to look for a shorter schedule that fails (5)
  --programs  the folder of the built programs (dist)
  --quick     do not wait until renewals that failed have succeeded
  --log       print the log of the proxy

Faults: ${faultNames.join(', ')}
`);
  process.exit(0);
}

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const [minutes, seconds, faults, shrinkMinutes] = [
  values.minutes,
  values.seconds,
  values.faults,
  values.shrink,
].map(Number) as [number, number, number, number];
const names = values.only?.split(',') ?? faultNames;
const known = faultNames.filter((name) => names.includes(name));
const given = values.play === undefined ? undefined : parseSchedule(readGiven(values.play));
const isSound =
  (values.play === undefined || given !== undefined) &&
  known.length === names.length &&
  Number.isInteger(seed) &&
  minutes > 0 &&
  shrinkMinutes >= 0 &&
  Number.isInteger(seconds) &&
  seconds > 0 &&
  Number.isInteger(faults) &&
  faults >= 0;
if (!isSound) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}

if (!existsSync(join(values.programs, 'proxy-exchange.js'))) {
  process.stderr.write(`no programs: ${values.programs}; run npm run build\n`);
  process.exit(2);
}

const folder = findFolder();
if (folder === undefined) {
  const obstacle = findObstacle();
  if (obstacle !== undefined) {
    process.stderr.write(`chaos:real cannot run here: ${obstacle}\n`);
    process.exit(2);
  }
  // The seed is chosen once, outside.
  process.exit(await runInside([...process.argv.slice(2), `--seed=${seed}`]));
}

// The process outside has no need of all this.
const { openSite } = await import('./real/site.ts');
const { playReal } = await import('./real/play.ts');
const site = await openSite(folder, values.programs);
process.exit(given === undefined ? await search() : await playOne(given));

/** The schedule itself, or the file that holds it. */
function readGiven(text: string): string {
  if (text.startsWith('{')) return text;
  try {
    return readFileSync(text, 'utf8');
  } catch {
    return text;
  }
}

function play(schedule: Schedule): Promise<RealOutcome> {
  return playReal(site, schedule, {
    awaitsRenewals: !values.quick,
    onLine(atMs, line) {
      if (values.log) process.stdout.write(`${toClock(atMs)} ${line}\n`);
    },
  });
}

async function playOne(schedule: Schedule): Promise<number> {
  const outcome = await play(schedule);
  report('the schedule', outcome);
  return outcome.breach === undefined ? 0 : 1;
}

/** Plays one schedule for each seed, until the time is over or one breaks a promise. @returns the exit code */
async function search(): Promise<number> {
  const startedAt = performance.now();
  const played: Played[] = [];
  do {
    const current = seed + played.length;
    const schedule = toRealSchedule(current, { seconds, faults, names: known });
    const outcome = await play(schedule);
    report(`seed ${current}`, outcome);
    played.push({ schedule, outcome });
    if (outcome.breach !== undefined) {
      await shorten(current, schedule, outcome);
      return 1;
    }
  } while (performance.now() - startedAt < minutes * MINUTE_MS);
  const took = ((performance.now() - startedAt) / MINUTE_MS).toFixed(1);
  process.stdout.write(
    `seed ${seed}, ${took} min: ${describePlayed(played)}; no promise broken\n${describeFaults(played)}\n`,
  );
  return 0;
}

function report(what: string, outcome: RealOutcome): void {
  process.stdout.write(`${what}: ${describeOutcome(outcome)}\n`);
}

async function shorten(failing: number, first: Schedule, outcome: RealOutcome): Promise<void> {
  process.stdout.write(
    `looking for a shorter schedule, for up to ${shrinkMinutes} min; the first one:\n${describeSchedule(first)}\n`,
  );
  const stopAt = performance.now() + shrinkMinutes * MINUTE_MS;
  const { schedule, failure, tries } = await shrink(
    { schedule: first, failure: outcome },
    {
      goesOn: () => performance.now() < stopAt,
      async play(shorter) {
        const again = await play(shorter);
        report(`  ${shorter.faults.length} faults`, again);
        return again.breach === undefined ? undefined : again;
      },
    },
  );
  process.stdout.write(
    [
      `FAILS at ${toClock(failure.atMs)}: ${failure.breach}`,
      `seed ${failing}; the shortest schedule that still fails, after ${tries} others:`,
      describeSchedule(schedule),
      'Play it again with:',
      `  npm run chaos:real -- --log --play '${JSON.stringify(schedule)}'`,
      '',
    ].join('\n'),
  );
}
