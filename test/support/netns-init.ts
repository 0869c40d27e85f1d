import type { Backend, BackendName } from '../../src/init/backends/backend.ts';
import { createIptablesBackend } from '../../src/init/backends/iptables.ts';
import { createNft, createNftBackend } from '../../src/init/backends/nft.ts';
import type { RunProgram } from '../../src/init/backends/program.ts';
import type { Namespace } from './netns.ts';

/** proxy-init's own backends, at work in a test's namespace. */
export function createBackends(namespace: Namespace): Readonly<Record<BackendName, Backend>> {
  const run: RunProgram = async (file, args, { input = '' }) => ({
    ...(await namespace.run([file, ...args], { input, env: { LC_ALL: 'C' } })),
  });
  const options = {
    lockWaitSeconds: 10,
    lockDirectories: [],
    readLegacyTables: () => namespace.must(['cat', '/proc/net/ip_tables_names']),
    hasCapability: () => true,
  };
  return {
    iptables: createIptablesBackend('nft', run, options),
    nft: createNftBackend(createNft(run)),
    'iptables-legacy': createIptablesBackend('legacy', run, options),
  };
}

/** Every rule of every backend, foreign ones included, without comments and counters. */
export async function dumpRules(namespace: Namespace): Promise<string> {
  const listings = [
    await namespace.must(['nft', '-s', 'list', 'table', 'ip', 'azwi_proxy']).catch(() => ''),
    await namespace.must(['nft', '-s', 'list', 'table', 'netdev', 'azwi_proxy']).catch(() => ''),
    await namespace.must(['iptables-nft-save']),
    await namespace.must(['iptables-legacy-save']),
  ];
  return listings
    .join('\n')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n');
}

/**
 * The six calls of upstream's init script, reconstructed from the rules that they leave: two chains, the
 * redirect, the jump at the end of OUTPUT, the exemption and the way from it to the redirect. No failure
 * stops it. The script's listing is left out: it asks DNS for the name of every address and so takes
 * 20 seconds where nobody answers.
 */
export const upstreamCalls = `
\${IPTABLES:-iptables} -t nat -N AZWI_PROXY_OUTPUT
\${IPTABLES:-iptables} -t nat -N AZWI_PROXY_REDIRECT
\${IPTABLES:-iptables} -t nat -A AZWI_PROXY_REDIRECT -p tcp -j REDIRECT --to-port \${PROXY_PORT:-8000}
\${IPTABLES:-iptables} -t nat -A OUTPUT -p tcp -d 169.254.169.254 --dport 80 -j AZWI_PROXY_OUTPUT
\${IPTABLES:-iptables} -t nat -A AZWI_PROXY_OUTPUT -m owner --uid-owner \${PROXY_UID:-1501} -j ACCEPT
\${IPTABLES:-iptables} -t nat -A AZWI_PROXY_OUTPUT -j AZWI_PROXY_REDIRECT
`;
