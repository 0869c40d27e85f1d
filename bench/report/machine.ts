import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What a reader needs to place the numbers; nothing that names the machine. */
export function machineFacts(nodeOptions: string): (readonly [string, string])[] {
  const cores = cpus();
  return [
    ['cores', `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'} (${process.arch})`],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['kernel', `${type()} ${kernelVersion(release())}`],
    ['Node', `${process.version}, V8 ${process.versions.v8}`],
    ['load before the run', `${(loadavg()[0] as number).toFixed(1)} runnable processes`],
    ['V8 flags, both sides', `\`${nodeOptions}\``],
  ];
}

/** A kernel's suffix may name who built it for what. */
export function kernelVersion(text: string): string {
  return /^\d+(?:\.\d+)*/.exec(text)?.[0] ?? 'unknown';
}
