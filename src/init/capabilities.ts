import { readFileSync } from 'node:fs';

/** The numbers of capabilities(7). */
const numbers = { NET_ADMIN: 12n, NET_RAW: 13n } as const;

export type Capability = keyof typeof numbers;

/** Whether this process holds a capability. */
export function hasCapability(name: Capability): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> numbers[name]) & 1n) === 1n;
}
