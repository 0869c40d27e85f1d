import { describe, expect, test } from 'vitest';
import { type NameServerBehaviour, toAnswer } from '../../../../chaos/real/name-server.ts';

const options = {
  name: 'login.example',
  address: '192.0.2.10',
  otherAddress: '192.0.2.66',
} as const;

/** A query as a resolver sends it. */
function toQuery(name: string, type: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const head = Buffer.from('12340100000100000000' + '0000', 'hex');
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

/** Code, number of records and the data of the first one. */
function ask(behaviour: NameServerBehaviour, name = 'login.example', type = 1) {
  const query = toQuery(name, type);
  const answer = toAnswer(query, behaviour, options);
  if (answer === undefined) return undefined;
  expect(answer.subarray(0, 2)).toEqual(query.subarray(0, 2));
  expect(answer.subarray(12, query.length)).toEqual(query.subarray(12));
  const records = answer.readUInt16BE(6);
  const data = [...answer.subarray(query.length + 12)].join('.');
  return { code: answer.readUInt16BE(2) & 0xf, records, data };
}

describe('the name server', () => {
  test.each<[NameServerBehaviour, number, string]>([
    ['answers', 0, '192.0.2.10'],
    ['slow', 0, '192.0.2.10'],
    ['misleading', 0, '192.0.2.66'],
    ['ipv6-only', 0, ''],
    ['failing', 2, ''],
    ['knows-nothing', 3, ''],
  ])('%s: code %i, address %j', (behaviour, code, data) => {
    expect(ask(behaviour)).toEqual({ code, records: data === '' ? 0 : 1, data });
  });

  test('has an IPv6 address only if it has no other', () => {
    expect(ask('answers', 'login.example', 28)).toEqual({ code: 0, records: 0, data: '' });
    expect(ask('ipv6-only', 'login.example', 28)?.data).toBe('32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1');
  });

  test('knows one name, in any case, and none below the search domains', () => {
    expect(ask('answers', 'LOGIN.example')?.records).toBe(1);
    expect(ask('answers', 'login.example.cluster.local')).toMatchObject({ code: 3, records: 0 });
  });

  test.each([0, 11, 12, 13, 20, 28])('says nothing to a query of %i bytes', (length) => {
    const query = toQuery('login.example', 1).subarray(0, length);
    expect(toAnswer(query, 'answers', options)).toBeUndefined();
  });
});
