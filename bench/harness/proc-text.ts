/** Readers of the kernel's text under /proc/<pid>; see proc(5). */

export interface MemoryUse {
  readonly anonymousBytes: number;
  /** Anonymous pages and this process's share of the mapped files that it shares with others. */
  readonly proportionalBytes: number;
}

/** Reads `smaps_rollup`. */
export function parseSmapsRollup(text: string): MemoryUse {
  return {
    anonymousBytes: kibibytes(text, 'Anonymous'),
    proportionalBytes: kibibytes(text, 'Pss'),
  };
}

/** Reads the first field of a thread's `schedstat`: nanoseconds on a CPU. */
export function parseOnCpuNs(text: string): number {
  const [first] = text.split(' ');
  const value = Number(first);
  if (first === undefined || first.trim() === '' || !Number.isSafeInteger(value)) {
    throw new Error(`not a schedstat: ${JSON.stringify(text)}`);
  }
  return value;
}

/** Reads `RssAnon` of a process's `status`: anonymous pages, cheaper than `smaps_rollup`. */
export function parseRssAnonBytes(text: string): number {
  return kibibytes(text, 'RssAnon');
}

/** Reads how often a thread gave up the CPU by itself: each time, something woke it again. */
export function parseVoluntarySwitches(text: string): number {
  return Number(field(text, 'voluntary_ctxt_switches'));
}

/** Reads the parent out of a process's `stat`, whose second field may hold spaces and parentheses. */
export function parseParentPid(text: string): number {
  const parent = Number(text.slice(text.lastIndexOf(')') + 1).split(' ')[2]);
  if (!Number.isSafeInteger(parent)) throw new Error(`not a stat: ${JSON.stringify(text)}`);
  return parent;
}

function kibibytes(text: string, name: string): number {
  return Number(field(text, name).replace(/ kB$/, '')) * 1024;
}

function field(text: string, name: string): string {
  const value = new RegExp(`^${name}:\\s*(\\d+(?: kB)?)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`no field ${name} in: ${text.slice(0, 80)}…`);
  return value;
}
