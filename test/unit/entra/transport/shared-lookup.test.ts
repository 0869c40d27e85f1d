import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createSharedLookup } from '../../../../src/proxy/entra/transport/shared-lookup.ts';

function setUp() {
  const asked: { hostname: string; answer: Parameters<LookupFunction>[2] }[] = [];
  const lookup = createSharedLookup((hostname, _options, answer) => {
    asked.push({ hostname, answer });
  });
  const ask = (hostname: string, family = 0) =>
    new Promise<string | LookupAddress[]>((resolve, reject) => {
      lookup(hostname, { all: true, family }, (error, address) => {
        if (error) reject(error);
        else resolve(address);
      });
    });
  return { asked, ask };
}

describe('shared lookup', () => {
  it('asks once for all who ask the same at the same time', async () => {
    const { asked, ask } = setUp();
    const callers = [ask('a.example'), ask('a.example'), ask('a.example')];
    expect(asked).toHaveLength(1);
    asked[0]?.answer(null, [{ address: '127.0.0.1', family: 4 }]);
    expect(await Promise.all(callers)).toEqual(
      Array(3).fill([{ address: '127.0.0.1', family: 4 }]),
    );
  });

  it('tells them all of a failure, and asks anew afterwards', async () => {
    const { asked, ask } = setUp();
    const callers = [ask('a.example'), ask('a.example')];
    asked[0]?.answer(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []);
    const results = await Promise.allSettled(callers);
    expect(results).toMatchObject(Array(2).fill({ reason: { code: 'ENOTFOUND' } }));
    void ask('a.example');
    expect(asked).toHaveLength(2);
  });

  it('keeps other names and other questions apart', () => {
    const { asked, ask } = setUp();
    void ask('a.example');
    void ask('b.example');
    void ask('a.example', 6);
    expect(asked.map(({ hostname }) => hostname)).toEqual(['a.example', 'b.example', 'a.example']);
  });
});
