/** A real Prometheus (Debian's), with a configuration made for one test. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { findProgram } from './find-program.ts';
import { findFreePort, until } from './proxy-process.ts';

const program = findProgram('prometheus');
export const withoutPrometheus = program === undefined ? 'prometheus is not installed' : undefined;

/** A series of an answer, with its last value or its values over time. */
export interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [seconds: number, value: string];
  readonly values?: readonly (readonly [seconds: number, value: string])[];
}

/** A target that Prometheus scrapes. */
export interface PrometheusTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: 'up' | 'down' | 'unknown';
}

export interface Prometheus extends AsyncDisposable {
  query(expr: string): Promise<readonly PrometheusSeries[]>;
  /** @param stepSeconds between the values. */
  queryRange(
    expr: string,
    fromSeconds: number,
    toSeconds: number,
    stepSeconds: number,
  ): Promise<readonly PrometheusSeries[]>;
  targets(): Promise<readonly PrometheusTarget[]>;
}

/** Starts Prometheus and waits until it answers. */
export async function startPrometheus(config: object): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const file = join(folder, 'prometheus.yaml');
  writeFileSync(file, stringify(config));
  const port = await findFreePort();
  const child = spawn(
    program ?? 'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  child.stderr.on('data', (text: Buffer) => {
    output += text.toString();
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };

  const base = `http://127.0.0.1:${port}`;
  const ask = async (path: string, query: Readonly<Record<string, string>>): Promise<unknown> => {
    const response = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(query)}`);
    const answer = (await response.json()) as { status: string; data: unknown; error?: string };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${query['query']}`);
    return answer.data;
  };
  const result = async (path: string, query: Readonly<Record<string, string>>) =>
    ((await ask(path, query)) as { result: readonly PrometheusSeries[] }).result;

  let isReady = false;
  const look = async (): Promise<void> => {
    while (!isReady && child.exitCode === null) {
      isReady = await fetch(`${base}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (!isReady) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  void look();
  try {
    await until(() => isReady, 'a Prometheus that is ready', 60_000);
  } catch (error) {
    await stop();
    throw new Error(`${error}\n${output}`);
  }
  return {
    query: (expr) => result('query', { query: expr }),
    queryRange: (expr, from, to, step) =>
      result('query_range', { query: expr, start: `${from}`, end: `${to}`, step: `${step}` }),
    async targets() {
      const data = await ask('targets', { state: 'active' });
      return (data as { activeTargets: readonly PrometheusTarget[] }).activeTargets;
    },
    [Symbol.asyncDispose]: stop,
  };
}
