import { isIPv4 } from 'node:net';

/** An inclusive range of ports or ids; a single one has equal ends. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** An IPv4 network in canonical form: no bit is set behind the prefix. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

export function formatRange({ from, to }: Range, separator: ':' | '-'): string {
  return from === to ? `${from}` : `${from}${separator}${to}`;
}

/** Reads decimal numbers only; undefined where the text is anything else or the range runs backwards. */
export function parseRange(text: string, separator: ':' | '-'): Range | undefined {
  const parts = text.split(separator);
  if (parts.length > 2 || !parts.every((part) => /^(?:0|[1-9]\d{0,9})$/.test(part)))
    return undefined;
  const [from, to] = [Number(parts[0]), Number(parts.at(-1))];
  return from <= to ? { from, to } : undefined;
}

export function isSingle({ from, to }: Range): boolean {
  return from === to;
}

export function isInRange(value: number, { from, to }: Range): boolean {
  return value >= from && value <= to;
}

/** `a.b.c.d` or `a.b.c.d/n`; bits behind the prefix are cleared, as the kernel does. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length = '32', ...rest] = text.split('/');
  const prefix = /^(?:\d|[12]\d|3[0-2])$/.test(length) ? Number(length) : undefined;
  if (!isIPv4(address) || prefix === undefined || rest.length > 0) return undefined;
  return { address: toAddress(maskOf(prefix) & toNumber(address)), prefix };
}

export function formatNetwork({ address, prefix }: Network): string {
  return `${address}/${prefix}`;
}

export function isAddress({ prefix }: Network): boolean {
  return prefix === 32;
}

export function isInNetwork(address: string, network: Network): boolean {
  const mask = maskOf(network.prefix);
  return (toNumber(address) & mask) === (toNumber(network.address) & mask);
}

/** The address `offset` places behind the network's own. */
export function addressIn(network: Network, offset: number): string {
  return toAddress(toNumber(network.address) + offset);
}

function maskOf(prefix: number): number {
  // A shift by 32 is a shift by 0 in JavaScript.
  return prefix === 0 ? 0 : -1 << (32 - prefix);
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** The first and last address of a network, as numbers. */
export function toBounds({ address, prefix }: Network): Range {
  const from = toNumber(address);
  return { from, to: from + 2 ** (32 - prefix) - 1 };
}
