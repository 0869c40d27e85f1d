import { isIPv4 } from 'node:net';
import { logLevelValue } from '../shared/log-level.ts';
import { accept, type OptionTable, refuse, type ValueType } from '../shared/option-table.ts';
import { booleanValue, choiceValue, listValue, portValue } from '../shared/option-values.ts';
import { formatOptions } from '../shared/options-help.ts';
import * as contract from '../shared/redirect-contract.ts';
import { usualTerminationLog } from '../shared/termination-log.ts';
import { type Network, parseNetwork, parseRange, type Range } from './rules/network.ts';

/** 4294967295 is "nobody" to the kernel. */
const greatestId = 4_294_967_294;

/** A port or `from:to`, as in iptables. Service names are refused: they would need a lookup. */
const portRangeValue: ValueType<Range> = {
  label: 'port[:port]',
  parse(text) {
    const range = parseRange(text, ':');
    if (range === undefined || range.from < 1 || range.to > 65_535) {
      return refuse(
        'is not a port or a range of ports',
        'set 1 to 65535, or two of them like 80:90',
      );
    }
    return accept(range);
  },
};

/** An id or `from-to`, as in iptables. Names are refused: they would mean the users of this image. */
const idRangeValue: ValueType<Range> = {
  label: 'id[-id]',
  parse(text) {
    const range = parseRange(text, '-');
    if (range === undefined || range.to > greatestId) {
      return refuse(
        'is not a numeric id or a range of ids',
        `set 0 to ${greatestId}, or 1000-2000`,
      );
    }
    return accept(range);
  },
};

/** An IPv4 address or network. Host names are refused: upstream looks them up in DNS, once. */
const networkValue: ValueType<Network> = {
  label: 'address[/prefix]',
  parse(text) {
    const network = parseNetwork(text);
    if (network === undefined) {
      return refuse(
        'is not an IPv4 address or network',
        'write it like 169.254.169.254 or 10.0.0.0/8; host names and IPv6 are not accepted',
      );
    }
    if (network.prefix === 0) return refuse('is every address', 'set a smaller network');
    return accept(network);
  },
};

/** An IPv4 address that something can listen on. */
const hostAddressValue: ValueType<string> = {
  label: 'address',
  parse(text) {
    const firstOctet = Number(text.split('.')[0]);
    if (isIPv4(text) && firstOctet > 0 && firstOctet < 224) return accept(text);
    return refuse(
      'is not the IPv4 address of a host',
      'write it like 10.80.0.2; names are not accepted',
    );
  },
};

/** A whole number of seconds. */
function secondsValue(least: number, most: number): ValueType<number> {
  return {
    label: 'seconds',
    parse(text) {
      const range = parseRange(text, '-');
      if (range?.from === range?.to && range !== undefined) {
        if (range.from >= least && range.from <= most) return accept(range.from);
      }
      return refuse('is not a number of seconds', `set a whole number from ${least} to ${most}`);
    },
  };
}

/** The absolute path of a file. */
const pathValue: ValueType<string> = {
  label: 'path',
  parse: (text) =>
    text.startsWith('/') && !text.includes('\0')
      ? accept(text)
      : refuse('is not an absolute path', 'write the whole path, starting with /'),
};

/** Serving forwarded connections is refused for the reasons in docs/decisions/0008-forwarded-traffic.md. */
const forwardedValue: ValueType<'refuse' | 'off'> = {
  label: 'refuse|off',
  parse(text) {
    if (text === 'refuse' || text === 'off') return accept(text);
    if (text === 'redirect') {
      return refuse(
        'is not supported: it would open the proxy to the network',
        'set refuse, and run a proxy and proxy-init in the nested container or machine itself',
      );
    }
    return refuse('is not a known choice', 'set one of refuse, off');
  },
};

/** Every setting of proxy-init. The first four variables are upstream's. */
export const initOptions = {
  proxyPort: {
    flag: 'proxy-port',
    env: 'PROXY_PORT',
    type: portValue(),
    default: `${contract.proxyPort}`,
    group: 'Redirect',
    help: 'Port that the proxy listens on.',
  },
  metadataIp: {
    flag: 'metadata-ip',
    env: 'METADATA_IP',
    type: listValue(networkValue),
    default: contract.metadataAddress,
    group: 'Redirect',
    help: 'Addresses or networks whose connections are redirected.',
  },
  metadataPort: {
    flag: 'metadata-port',
    env: 'METADATA_PORT',
    type: portRangeValue,
    default: `${contract.metadataPort}`,
    group: 'Redirect',
    help: 'Port, or range of ports, of these addresses that is redirected.',
  },
  proxyHost: {
    flag: 'proxy-host',
    env: 'PROXY_HOST',
    type: hostAddressValue,
    group: 'Redirect',
    help: 'Address of a proxy in another network namespace. Without it, the proxy is on 127.0.0.1.',
  },
  proxyUid: {
    flag: 'proxy-uid',
    env: 'PROXY_UID',
    type: idRangeValue,
    default: `${contract.proxyUid}`,
    group: 'Exemption',
    help: 'User that the proxy runs as. It may reach the metadata address itself.',
  },
  proxyGid: {
    flag: 'proxy-gid',
    env: 'PROXY_GID',
    type: idRangeValue,
    default: `${contract.proxyGid}`,
    group: 'Exemption',
    help: 'Group that the proxy runs as. Only used with --exempt=uid+gid.',
  },
  exempt: {
    flag: 'exempt',
    env: 'INIT_EXEMPT',
    type: choiceValue(['uid', 'uid+gid', 'alias-port', 'none']),
    group: 'Exemption',
    help: 'How the rules recognise the proxy: by its user, by user and group, by the port that it connects to, or not at all (for a proxy without pass-through). Default: uid, and none with --proxy-host.',
  },
  aliasPort: {
    flag: 'alias-port',
    env: 'INIT_ALIAS_PORT',
    type: portValue(),
    default: `${contract.aliasPort}`,
    group: 'Exemption',
    help: 'Port of the metadata address that bypasses the redirect. Only used with --exempt=alias-port.',
  },
  guard: {
    flag: 'guard',
    env: 'INIT_GUARD',
    type: choiceValue(['off', 'imds', 'imds+wireserver']),
    default: 'off',
    group: 'Guard',
    help: "Refuses to every process but the proxy: imds, the whole metadata address; imds+wireserver, also ports 80 and 32526 of Azure's wire server 168.63.129.16.",
  },
  packetGuard: {
    flag: 'packet-guard',
    env: 'INIT_PACKET_GUARD',
    type: choiceValue(['off', 'on']),
    default: 'off',
    group: 'Guard',
    help: 'Also refuses packets that a process with CAP_NET_RAW writes itself, on every link that the pod has now. Needs --guard, nft and Linux 5.16.',
  },
  forwarded: {
    flag: 'forwarded',
    env: 'INIT_FORWARDED',
    type: forwardedValue,
    default: 'refuse',
    group: 'Guard',
    help: 'What happens to connections that the pod only forwards, for nested containers and virtual machines: refuse, or off. With off they reach the node and get its identity.',
  },
  backend: {
    flag: 'backend',
    env: 'INIT_BACKEND',
    type: choiceValue(['auto', 'iptables', 'nft', 'iptables-legacy']),
    default: 'auto',
    group: 'Operation',
    help: 'What writes the rules. auto takes the first of iptables (its nft variant), nft and iptables-legacy that the kernel accepts.',
  },
  verify: {
    flag: 'verify',
    env: 'INIT_VERIFY',
    type: choiceValue(['auto', 'off']),
    default: 'auto',
    group: 'Operation',
    help: 'Whether a connection must prove the redirect. With off, only the rules are read back.',
  },
  route: {
    flag: 'route',
    env: 'INIT_ROUTE',
    type: choiceValue(['auto', 'off']),
    default: 'auto',
    group: 'Operation',
    help: 'Whether to add a local route if the pod has no route to the metadata address, as in a pod that has only IPv6. With off, proxy-init then fails.',
  },
  lockWait: {
    flag: 'lock-wait',
    env: 'INIT_LOCK_WAIT',
    type: secondsValue(1, 300),
    default: '5',
    group: 'Operation',
    help: 'Seconds to wait for the xtables lock (iptables-legacy only).',
  },
  allowHostNetwork: {
    flag: 'allow-host-network',
    env: 'INIT_ALLOW_HOST_NETWORK',
    type: booleanValue,
    default: 'false',
    group: 'Operation',
    help: "Continues in what looks like a node's network namespace.",
  },
  logFormat: {
    flag: 'log-format',
    env: 'INIT_LOG_FORMAT',
    type: choiceValue(['text', 'json']),
    default: 'text',
    group: 'Output',
    help: 'Format of the log.',
  },
  logLevel: {
    flag: 'log-level',
    env: 'INIT_LOG_LEVEL',
    type: logLevelValue,
    default: 'info',
    group: 'Output',
    help: 'warning, info or debug. debug logs every command that is run.',
  },
  terminationLog: {
    flag: 'termination-log',
    env: 'INIT_TERMINATION_LOG',
    type: pathValue,
    default: usualTerminationLog,
    group: 'Output',
    help: 'File that gets the result, or the failure with its remedy, if the file exists. kubectl describe pod shows it.',
  },
  version: {
    flag: 'version',
    type: booleanValue,
    default: 'false',
    group: 'Output',
    help: 'Prints the version as one line of JSON.',
  },
} as const satisfies OptionTable;

/** What `--help` prints; also follows the message about an invalid command line. */
export function formatHelp(): string {
  return `Usage: proxy-init [apply|print|check|remove] [flags]

  apply   writes the redirect and verifies it; the default
  print   prints the rules; needs no permission
  check   verifies that the redirect is in force as configured; changes nothing
  remove  removes the redirect; succeeds if no redirect exists

A flag overrides its environment variable, which overrides the default. An empty variable
counts as unset.

${formatOptions(initOptions)}
`;
}
