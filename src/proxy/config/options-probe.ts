import type { OptionTable } from '../../shared/option-table.ts';
import { booleanValue, portValue } from '../../shared/option-values.ts';
import { proxyPort } from '../../shared/redirect-contract.ts';
import { addressValue } from './values.ts';

/**
 * The settings that `--probe` needs, apart from the others: the kubelet runs it in every pod, and loading
 * them all would cost it a tenth of its time.
 */
export const probeOptions = {
  proxyPort: {
    flag: 'proxy-port',
    env: 'IMDS_PROXY_PROXY_PORT',
    type: portValue(),
    default: `${proxyPort}`,
    group: 'Listeners',
    help: 'Port on which applications are answered; proxy-init redirects to it.',
  },
  bindAddress: {
    flag: 'bind-address',
    env: 'IMDS_PROXY_BIND_ADDRESS',
    type: addressValue,
    default: '127.0.0.1',
    group: 'Listeners',
    help: 'Address of that port. Whoever can reach it can get tokens, so anything but loopback is warned of.',
  },
  probe: {
    flag: 'probe',
    type: booleanValue,
    default: 'false',
    group: 'Other',
    help: 'Waits until a proxy on this port is ready, for up to 10 seconds; exit code 0 or 1.',
  },
  version: {
    flag: 'version',
    type: booleanValue,
    default: 'false',
    group: 'Other',
    help: 'Prints the version as one line of JSON.',
  },
} as const satisfies OptionTable;
