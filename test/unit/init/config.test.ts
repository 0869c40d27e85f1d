import { describe, expect, it } from 'vitest';
import { toInitConfig, toOutputSettings } from '../../../src/init/config.ts';
import { InitFailure } from '../../../src/init/failures.ts';

const fromEnv = (env: Readonly<Record<string, string>>) => toInitConfig(new Map(), env);

function faultsOf(env: Readonly<Record<string, string>>): string {
  try {
    fromEnv(env);
  } catch (error) {
    if (error instanceof InitFailure && error.exitCode === 2) return error.message;
  }
  return 'accepted';
}

describe('the configuration', () => {
  const defaults = {
    redirect: {
      destinations: [{ address: '169.254.169.254', prefix: 32 }],
      ports: { from: 80, to: 80 },
      target: { kind: 'local', port: 8000 },
      exemption: { kind: 'uid', uid: { from: 1501, to: 1501 } },
      guard: 'off',
      forwarded: 'refuse',
      guardsPackets: false,
    },
    backend: 'auto',
    verify: 'auto',
    route: 'auto',
    lockWaitSeconds: 5,
    allowHostNetwork: false,
  };

  it('has the defaults of upstream', () => {
    expect(fromEnv({})).toEqual(defaults);
  });

  it('treats empty variables as unset (case 11)', () => {
    const names = ['PROXY_PORT', 'METADATA_IP', 'METADATA_PORT', 'PROXY_UID', 'PROXY_HOST'];
    expect(fromEnv(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(defaults);
  });

  it('accepts the forms that upstream accepts (case 12)', () => {
    const { redirect } = fromEnv({
      METADATA_IP: '169.254.169.254,10.1.2.3/8,10.9.9.9/8',
      METADATA_PORT: '80:90',
      PROXY_UID: '1000-2000',
    });
    expect(redirect).toMatchObject({
      destinations: [
        { address: '169.254.169.254', prefix: 32 },
        { address: '10.0.0.0', prefix: 8 },
      ],
      ports: { from: 80, to: 90 },
      exemption: { kind: 'uid', uid: { from: 1000, to: 2000 } },
    });
  });

  it('exempts nobody for a proxy elsewhere, unless INIT_EXEMPT is set', () => {
    const target = { kind: 'remote', address: '10.80.0.2', port: 8000 };
    const elsewhere = fromEnv({ PROXY_HOST: '10.80.0.2' });
    expect(elsewhere.redirect).toMatchObject({ target, exemption: { kind: 'none' } });
    const told = fromEnv({ PROXY_HOST: '10.80.0.2', INIT_EXEMPT: 'uid+gid', PROXY_GID: '7' });
    expect(told.redirect.exemption).toEqual({
      kind: 'uid+gid',
      uid: { from: 1501, to: 1501 },
      gid: { from: 7, to: 7 },
    });
  });

  it('names every invalid setting, the fault and the fix', () => {
    expect(faultsOf({ PROXY_PORT: 'abc', PROXY_UID: 'nouser' })).toBe(
      'PROXY_PORT: "abc" is not a valid port; set a port number from 1 to 65535. ' +
        'PROXY_UID: "nouser" is not a numeric id or a range of ids; set 0 to 4294967294, or 1000-2000. ' +
        'Nothing was changed.',
    );
  });

  it.each([
    { PROXY_PORT: '0' },
    { PROXY_PORT: '99999' },
    { METADATA_IP: 'nosuch.invalid' },
    { METADATA_IP: 'fd00::1' },
    { METADATA_IP: '169.254.169.254/33' },
    { METADATA_IP: '1.2.3.4/0' },
    { METADATA_PORT: '80,443' },
    { METADATA_PORT: '0' },
    { METADATA_PORT: '90:80' },
    { METADATA_PORT: '1:2:3' },
    { PROXY_UID: '-1' },
    { PROXY_UID: '4294967295' },
    { PROXY_UID: '01501' },
    { PROXY_GID: 'staff' },
    { PROXY_HOST: '224.0.0.1' },
    { PROXY_HOST: '169.254.169.254' },
    { INIT_EXEMPT: 'gid' },
    { INIT_GUARD: 'imds', METADATA_IP: '169.254.0.0/16' },
    { INIT_EXEMPT: 'alias-port', METADATA_IP: '169.254.0.0/16' },
    { INIT_EXEMPT: 'alias-port', METADATA_PORT: '80:90' },
    { INIT_ALIAS_PORT: '80', INIT_EXEMPT: 'alias-port' },
    { INIT_BACKEND: 'iptables-nft' },
    { INIT_LOCK_WAIT: '0' },
    { INIT_LOCK_WAIT: '301' },
    { INIT_VERIFY: 'on' },
    { INIT_ROUTE: 'on' },
    { INIT_FORWARDED: 'redirect' },
    { INIT_PACKET_GUARD: 'on' },
    { INIT_PACKET_GUARD: 'on', INIT_GUARD: 'imds', INIT_EXEMPT: 'alias-port' },
    { INIT_GARD: 'imds' },
    { INIT_EXEMPTION: '' },
    { init_guard: 'imds' },
    { INIT_TERMINATION_LOG: 'relative' },
  ])('refuses %o', (env) => {
    expect(faultsOf(env)).toContain(Object.keys(env)[0]);
  });

  it('suggests the right name for an unknown variable', () => {
    expect(faultsOf({ INIT_GARD: 'imds' })).toBe(
      'INIT_GARD: unknown variable; did you mean INIT_GUARD? Nothing was changed.',
    );
    expect(faultsOf({ INIT_COLOUR: 'red' })).toContain(
      'INIT_COLOUR: unknown variable; remove it (proxy-init --help lists all settings)',
    );
    // Kubernetes makes these for a Service of that name.
    expect(faultsOf({ INIT_SERVICE_HOST: '10.0.0.1', INIT_PORT: 'tcp://10.0.0.1:80' })).toBe(
      'accepted',
    );
  });

  it('explains why forwarded connections cannot be served', () => {
    expect(faultsOf({ INIT_FORWARDED: 'redirect' })).toContain(
      '"redirect" is not supported: it would open the proxy to the network; set refuse',
    );
  });

  it('finds the output settings even if they or others are invalid', () => {
    expect(toOutputSettings(new Map(), { INIT_LOG_FORMAT: 'json', PROXY_PORT: 'abc' })).toEqual({
      format: 'json',
      level: 'info',
      terminationLog: '/dev/termination-log',
    });
    const env = { INIT_LOG_FORMAT: 'yaml', INIT_LOG_LEVEL: 'loud', INIT_TERMINATION_LOG: '/tmp/x' };
    expect(toOutputSettings(new Map([['logLevel', 'debug']]), env)).toEqual({
      format: 'text',
      level: 'debug',
      terminationLog: '/tmp/x',
    });
  });
});
