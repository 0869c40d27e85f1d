import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';

/** One run of a program, its start included. */
export interface Measured {
  readonly seconds: number;
  readonly megabytes: number;
}

/** Runs a program with its output to a file that nobody reads; the peak is the kernel's own count. */
async function measure(file: string, args: readonly string[], out: string): Promise<Measured> {
  const from = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.pipe(createWriteStream(out));
  let peak = 0;
  const look = setInterval(() => {
    try {
      const [, kilobytes = '0'] =
        /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      peak = Math.max(peak, Number(kilobytes) / 1024);
    } catch {
      // It has ended.
    }
  }, 10);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return { seconds: (performance.now() - from) / 1000, megabytes: peak };
}

/** The median time and the highest peak of some runs. */
export async function best(
  runs: number,
  file: string,
  args: readonly string[],
  out: string,
): Promise<Measured> {
  const all: Measured[] = [];
  for (let turn = 0; turn < runs; turn += 1) all.push(await measure(file, args, out));
  const middle = all.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(runs / 2)];
  return {
    seconds: middle?.seconds ?? 0,
    megabytes: Math.max(...all.map(({ megabytes }) => megabytes)),
  };
}

export const show = ({ seconds, megabytes }: Measured): string =>
  `${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB`;
