/**
 * A model guards only against faults that it can find: each deliberate fault of the table must break the
 * promise in one of the same few hundred schedules.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Found } from './model/hunt.ts';
import { mutants } from './model/mutants.ts';

const found = new Map<string, Found>();

beforeAll(() => {
  const program = join(import.meta.dirname, 'model/hunt.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the hunt ended with ${status}: ${stderr}`);
  for (const line of stdout.trim().split('\n')) {
    const one = JSON.parse(line) as Found;
    found.set(one.fault, one);
  }
}, 240_000);

describe('the model finds', () => {
  test('nothing in the cache as it is', () => {
    expect(found.get('none')).toEqual({ fault: 'none', schedules: 200 });
  });

  test.each(mutants.map(({ fault }) => fault))('%s', (fault) => {
    expect(found.get(fault)?.breach).toEqual(expect.any(String));
  });
});
