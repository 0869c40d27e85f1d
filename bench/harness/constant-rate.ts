import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface ConstantRateOptions {
  readonly port: number;
  readonly request: string;
  /** Requests a second. */
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
  readonly cpu?: number | undefined;
}

export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Loads a server at a fixed rate from another process. */
export async function runConstantRate({ cpu, ...order }: ConstantRateOptions): Promise<Latencies> {
  const program = join(import.meta.dirname, '../programs/constant-rate.ts');
  const [file, ...args] = [
    ...(cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)]),
    ...[process.execPath, program, JSON.stringify(order)],
  ];
  const { stdout } = await promisify(execFile)(file as string, args, {
    timeout: (order.seconds + 30) * 1000,
  });
  return JSON.parse(stdout) as Latencies;
}
