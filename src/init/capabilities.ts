import { readFileSync } from 'node:fs';

/** The number of CAP_NET_RAW in capabilities(7). */
const netRaw = 13n;

/** Whether this process holds CAP_NET_RAW. */
export function hasNetRaw(): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> netRaw) & 1n) === 1n;
}
