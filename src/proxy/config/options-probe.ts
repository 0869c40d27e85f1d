import type { OptionTable } from '../../shared/option-table.ts';
import { booleanValue, portValue } from '../../shared/option-values.ts';
import { proxyPort } from '../../shared/redirect-contract.ts';
import { addressValue } from './values.ts';

/**
 * The settings that `--probe` needs, separate from the others: the kubelet runs the probe in every pod, and
 * loading the whole table would take a tenth of its time.
 */
export const probeOptions = {
  proxyPort: {
    flag: 'proxy-port',
    env: 'IMDS_PROXY_PROXY_PORT',
    type: portValue(),
    default: `${proxyPort}`,
    group: 'Listeners',
    help: 'Port of the token endpoint. proxy-init redirects to it.',
  },
  bindAddress: {
    flag: 'bind-address',
    env: 'IMDS_PROXY_BIND_ADDRESS',
    type: addressValue,
    default: '127.0.0.1',
    group: 'Listeners',
    help: 'Address of the token endpoint. Whoever can connect to it can get tokens; the proxy warns if the address is not loopback.',
  },
  probe: {
    flag: 'probe',
    type: booleanValue,
    default: 'false',
    group: 'Other',
    help: 'Waits up to 10 seconds until the proxy on this port is ready. Exit code 0 or 1. Unknown flags are ignored.',
  },
  version: {
    flag: 'version',
    type: booleanValue,
    default: 'false',
    group: 'Other',
    help: 'Prints the version as one line of JSON.',
  },
} as const satisfies OptionTable;
