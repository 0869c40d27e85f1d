/** A name server of the cluster that knows one name, and can fail in the ways that real ones do. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

export type NameServerBehaviour =
  | 'answers'
  /** Says nothing. */
  | 'silent'
  /** Answers after two seconds. */
  | 'slow'
  /** SERVFAIL. */
  | 'failing'
  /** NXDOMAIN. */
  | 'knows-nothing'
  /** The name has an IPv6 address alone. */
  | 'ipv6-only'
  /** The address of somebody else. */
  | 'misleading';

export interface NameServerOptions {
  /** Where it listens, on port 53. */
  readonly host: string;
  readonly name: string;
  readonly address: string;
  readonly otherAddress: string;
}

const SLOW_MS = 2_000;
/** 2001:db8::1, which no machine has (RFC 3849). */
const ipv6Address = Buffer.from('20010db8000000000000000000000001', 'hex');
const types = { a: 1, aaaa: 28 } as const;
const codes = { none: 0, serverFailure: 2, nameError: 3 } as const;

export async function startNameServer(
  options: NameServerOptions,
  behaviour: () => NameServerBehaviour,
): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', async (query, peer) => {
    const current = behaviour();
    if (current === 'silent') return;
    if (current === 'slow') await delay(SLOW_MS);
    const answer = toAnswer(query, current, options);
    if (answer !== undefined) socket.send(answer, peer.port, peer.address);
  });
  socket.bind(53, options.host);
  await once(socket, 'listening');
}

/**
 * The answer to a query with one question (RFC 1035, section 4).
 * @returns undefined if the query cannot be read
 */
export function toAnswer(
  query: Buffer,
  behaviour: NameServerBehaviour,
  { name, address, otherAddress }: Omit<NameServerOptions, 'host'>,
): Buffer | undefined {
  const question = readQuestion(query);
  if (question === undefined) return undefined;
  const isKnown = question.name.toLowerCase() === name && behaviour !== 'knows-nothing';
  const toRecords = (): readonly Buffer[] => {
    if (!isKnown || behaviour === 'failing') return [];
    if (behaviour === 'ipv6-only') return question.type === types.aaaa ? [ipv6Address] : [];
    if (question.type !== types.a) return [];
    const text = behaviour === 'misleading' ? otherAddress : address;
    return [Buffer.from(text.split('.').map(Number))];
  };
  const toCode = (): number => {
    if (behaviour === 'failing') return codes.serverFailure;
    return isKnown ? codes.none : codes.nameError;
  };
  const records = toRecords();
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A response, recursion desired and available.
  header.writeUInt16BE(0x8180 | toCode(), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([
    header,
    query.subarray(12, question.end),
    ...records.map((data) => toRecord(question.type, data)),
  ]);
}

function readQuestion(
  query: Buffer,
): { readonly name: string; readonly type: number; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = query[at];
    // A pointer, which no query has, or the end of the packet.
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(query.toString('latin1', at, at + length));
    at += length;
  }
  if (query.length < at + 4) return undefined;
  return { name: labels.join('.'), type: query.readUInt16BE(at), end: at + 4 };
}

/** A record about the name in the question, which nobody may remember. */
function toRecord(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
