import { getServers, Resolver } from 'node:dns/promises';
import { toErrorCode } from '../../shared/small-file.ts';
import type { Evidence } from '../engine/check.ts';

const timeoutMs = 1_500;

/** resolv.conf has three at most that are used. */
const maxServers = 3;

/** Asks each name server of this container for a name, to tell one that is silent from one that says no. */
export async function askNameServers(name: string): Promise<Evidence> {
  const servers = getServers().slice(0, maxServers);
  const entries = await Promise.all(
    servers.map(async (server) => [`name server ${server}`, await ask(server, name)] as const),
  );
  return entries.length === 0
    ? { 'name servers': 'none in /etc/resolv.conf' }
    : Object.fromEntries(entries);
}

async function ask(server: string, name: string): Promise<string> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  try {
    resolver.setServers([server]);
    return `answers ${(await resolver.resolve4(name)).join(', ')}`;
  } catch (error) {
    const code = toErrorCode(error);
    switch (code) {
      case 'ETIMEOUT':
        return 'does not answer';
      case 'ENOTFOUND':
        return 'knows no such name';
      case 'ENODATA':
        return 'knows the name, but no IPv4 address';
      default:
        return `failed (${code})`;
    }
  }
}
