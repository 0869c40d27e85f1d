/** `npm run chaos`: plays random faults against the token source. Exits with 1 if a promise is not kept. */
import { parseArgs } from 'node:util';
import { corpus } from './corpus.ts';
import { type Outcome, play } from './play.ts';
import { describeSchedule, parseSchedule, type Schedule, toClock } from './schedule.ts';
import { search } from './search.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    hours: { type: 'string', default: '72' },
    faults: { type: 'string', default: '30' },
    seed: { type: 'string' },
    case: { type: 'string' },
    play: { type: 'string' },
    log: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run chaos -- [--minutes N] [--seed N] [--hours N] [--faults N]
npm run chaos -- --case N | --play SCHEDULE

  --minutes  for how long to look (5)
  --seed     where to begin; a failure prints its own (the time)
  --hours    fake time of each schedule at the most (72)
  --faults   faults of each schedule at the most (30)
  --case     play one of the ${corpus.length} scripted cases, or all
  --play   play a schedule as a failure prints it
  --log      with --case and --play, print the log of the proxy
`);
  process.exit(0);
}

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const [minutes, hours, faults] = [values.minutes, values.hours, values.faults].map(Number) as [
  number,
  number,
  number,
];
const cases =
  values.case === undefined || values.case === 'all'
    ? corpus
    : corpus.filter(({ number }) => String(number) === values.case);
const replayed = values.play === undefined ? undefined : parseSchedule(values.play);
const isSound =
  (values.play === undefined || replayed !== undefined) &&
  Number.isInteger(seed) &&
  minutes > 0 &&
  hours >= 2 &&
  Number.isInteger(faults) &&
  faults > 0;
if (!isSound || cases.length === 0) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}

if (replayed !== undefined) {
  report('the schedule', await playOne(replayed));
} else if (values.case !== undefined) {
  for (const { number, title, schedule } of cases) {
    report(`case ${number}, ${title}`, await playOne(schedule));
  }
} else {
  await searchFor(minutes);
}

function playOne(schedule: Schedule): Promise<Outcome> {
  return play(schedule, {
    onLine: (atMs, line) => {
      if (values.log) process.stdout.write(`${toClock(atMs)} ${line}\n`);
    },
  });
}

function report(what: string, { breach, atMs, posts }: Outcome): void {
  const result = breach === undefined ? 'ok' : `FAILS at ${toClock(atMs)}: ${breach}`;
  process.stdout.write(`${what}: ${result}; ${posts} requests to Entra\n`);
  if (breach !== undefined) process.exitCode = 1;
}

async function searchFor(forMinutes: number): Promise<void> {
  const stopAtMs = performance.now() + forMinutes * 60_000;
  const { runs, failure } = await search({
    seed,
    hours,
    faults,
    goesOn: () => performance.now() < stopAtMs,
    shrinkRuns: 1_000,
    onFailure: (failingSeed, breach) =>
      process.stdout.write(
        `seed ${failingSeed} FAILS: ${breach}; looking for a shorter schedule\n`,
      ),
  });
  process.stdout.write(`${runs} schedules of up to ${hours} h, from seed ${seed}\n`);
  if (failure === undefined) return;
  const { schedule, outcome } = failure;
  process.exitCode = 1;
  process.stdout.write(
    [
      `FAILS at ${toClock(outcome.atMs)}: ${outcome.breach}`,
      `seed ${failure.seed}; the shortest schedule that still fails:`,
      describeSchedule(schedule),
      'Play it again with:',
      `  npm run chaos -- --log --play '${JSON.stringify(schedule)}'`,
      '',
    ].join('\n'),
  );
}
