import { expect, test } from 'vitest';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import type { Option } from '../../../src/shared/option-table.ts';
import { accepted, refused } from './load.ts';

const name = 'IMDS_PROXY_IDENTITY_HEADER';
const secret = 'CANARY0123456789abcdef0123456789';

test('without the secret it is undefined, and with it only the configuration has it', () => {
  expect(accepted().config.identityHeader).toBeUndefined();
  expect(accepted({ [name]: '' }).config.identityHeader).toBeUndefined();
  const { config, fields, warnings } = accepted({ [name]: `${secret}\n` });
  expect(config.identityHeader).toBe(secret);
  expect(fields).toMatchObject({ identity_header: 'set' });
  expect(JSON.stringify([fields, warnings])).not.toContain('CANARY');
});

test('no secret has a flag, which other users could read in the command line', () => {
  const options: Readonly<Record<string, Option<unknown>>> = proxyOptions;
  const secrets = Object.values(options).filter((option) => option.secret === true);
  expect(secrets.length).toBeGreaterThan(2);
  expect(secrets.filter(({ flag }) => flag !== undefined)).toEqual([]);
});

test.each([
  ['short', secret.slice(1), 'is too short: it could be guessed'],
  ['long', secret.repeat(17), 'is longer than 512 characters'],
  ['of other characters', `${secret}ü`, 'has characters that some clients cannot send'],
  ['in two lines', `${secret}\n${secret}`, 'has characters that some clients cannot send'],
])('a secret that is %s is refused and not shown', (_, value, fault) => {
  const errors = refused({ [name]: value });
  expect(errors).toEqual([expect.stringContaining(`${name}: the value ${fault}`)]);
  expect(errors.join()).not.toContain('ANARY');
});
