/** `npm run fuzz`: gives random input to every border of the proxy. Exits with 1 if something fails. */
import { parseArgs } from 'node:util';
import { entraTarget } from './entra.ts';
import { httpTarget } from './http.ts';
import { settingsTarget } from './settings.ts';
import type { FuzzTarget } from './target.ts';
import { tokenFileTarget } from './token-file.ts';

const targets: readonly FuzzTarget[] = [httpTarget, entraTarget, settingsTarget, tokenFileTarget];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run fuzz -- [--seconds N] [--seed N] [--only TARGET[,TARGET…]]

  --seconds  for how long to look, for each target (60)
  --seed     where to begin; a failure prints its own (the time)
  --only     ${targets.map(({ name }) => name).join(', ')}
`);
  process.exit(0);
}

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const seconds = Number(values.seconds);
const only = values.only?.split(',');
const unknown = only?.find((name) => !targets.some((target) => target.name === name));
if (!Number.isInteger(seed) || !(seconds > 0) || unknown !== undefined) {
  process.stderr.write(`not understood: ${process.argv.slice(2).join(' ')}; see --help\n`);
  process.exit(2);
}

for (const target of targets) {
  if (only?.includes(target.name) === false) continue;
  const { cases, failure } = await target.fuzz({ seed, seconds });
  process.stdout.write(`${target.name}: ${cases} cases, seed ${seed}\n`);
  if (failure === undefined) continue;
  process.stdout.write(`${target.name} FAILS:\n${failure}\n`);
  process.exitCode = 1;
}
