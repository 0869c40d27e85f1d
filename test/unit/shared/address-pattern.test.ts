import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { compileAddressPattern } from '../../../src/shared/address-pattern.ts';

test('Node knows addresses as before', () => {
  compileAddressPattern();
  const texts = ['::1', 'fe80::1%eth0', '::ffff:127.0.0.1', '127.0.0.1', '1.2.3', 'login.test', ''];
  // Twice, for V8 compiles an expression again when it is used again.
  for (const _ of [1, 2]) expect(texts.map(isIP)).toEqual([6, 6, 6, 4, 0, 0, 0]);
});
