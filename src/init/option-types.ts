import { isIPv4 } from 'node:net';
import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import { type Network, parseNetwork, parseRange, type Range } from './network.ts';

/** 4294967295 is "nobody" to the kernel. */
const greatestId = 4_294_967_294;

/** A port or `from:to`, as iptables takes them. Service names are refused: they would be looked up. */
export const portRangeValue: ValueType<Range> = {
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

/** An id or `from-to`, as iptables takes them. Names are refused: they would mean this image's users. */
export const idRangeValue: ValueType<Range> = {
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

/** An IPv4 address or network. Host names are refused: upstream would ask DNS for them, once. */
export const networkValue: ValueType<Network> = {
  label: 'address[/prefix]',
  parse(text) {
    const network = parseNetwork(text);
    if (network === undefined) {
      return refuse(
        'is not an IPv4 address or network',
        'write it like 169.254.169.254 or 10.0.0.0/8; host names and IPv6 are not taken',
      );
    }
    if (network.prefix === 0) return refuse('is every address there is', 'name a smaller network');
    return accept(network);
  },
};

/** An IPv4 address that something can listen on. */
export const hostAddressValue: ValueType<string> = {
  label: 'address',
  parse(text) {
    const firstOctet = Number(text.split('.')[0]);
    if (isIPv4(text) && firstOctet > 0 && firstOctet < 224) return accept(text);
    return refuse(
      'is not the IPv4 address of a host',
      'write it like 10.80.0.2; names are not taken',
    );
  },
};

/** A whole number of seconds. */
export function secondsValue(least: number, most: number): ValueType<number> {
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
export const pathValue: ValueType<string> = {
  label: 'path',
  parse: (text) =>
    text.startsWith('/') && !text.includes('\0')
      ? accept(text)
      : refuse('is not an absolute path', 'write the whole path, beginning with /'),
};
