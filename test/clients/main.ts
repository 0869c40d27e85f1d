/**
 * The laboratory: real libraries, unchanged, each in a network namespace with the redirect, the built proxy
 * and an emulated Entra. `--help` says how to use it.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type CommandLine, help, parseCommandLine } from './lab/command-line.ts';
import { lock } from './lab/install.ts';
import type { Build } from './lab/laboratory.ts';
import { describeNewest, findNewer } from './lab/newer.ts';
import type { Report } from './lab/outcome.ts';
import { printOutcome, printSummary } from './lab/print.ts';
import { writeReport } from './lab/report.ts';
import { runClients } from './lab/run-clients.ts';

let commandLine: CommandLine;
try {
  commandLine = parseCommandLine(process.argv.slice(2));
} catch (error) {
  console.error(`test:clients: ${(error as Error).message}`);
  process.exit(2);
}
const { action, clients } = commandLine;
switch (action) {
  case 'help':
    console.log(help);
    break;
  case 'list':
    for (const { id } of clients) console.log(id);
    break;
  case 'newer':
    for (const newest of await findNewer(clients)) {
      console.log(describeNewest(newest, process.env['GITHUB_ACTIONS'] === 'true'));
    }
    break;
  case 'lock':
    for (const client of clients) await lock(client);
    break;
  case 'run':
    process.exitCode = await run(commandLine);
    break;
  default:
    action satisfies never;
}

async function run({ reports, ...wish }: CommandLine): Promise<number> {
  const interruption = new AbortController();
  const { signal } = interruption;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
  }
  let report: Report;
  try {
    report = await runClients({ ...wish, signal, onOutcome: printOutcome });
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error(`test:clients: ${(error as Error).message}`);
    // Not by the exit code alone: an install may still be at work.
    process.exit(130);
  }
  printSummary(report);
  if (reports) await writeReport(report, readBuild());
  return report.outcomes.some(({ state }) => state === 'failed') ? 1 : 0;
}

function readBuild(): Build {
  const proxy = join(import.meta.dirname, '..', '..', 'dist', 'proxy');
  const { buildVersion, gitCommit } = JSON.parse(
    execFileSync(process.execPath, [proxy, '--version'], { encoding: 'utf8' }),
  ) as { readonly buildVersion: string; readonly gitCommit: string };
  const date = new Date().toISOString().slice(0, 10);
  return { proxyVersion: buildVersion, proxyCommit: gitCommit, date };
}
