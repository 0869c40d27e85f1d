import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../../src/emulator/cli/command.ts';
import { flags, toHelp } from '../../../src/emulator/cli/flags.ts';
import { InputError } from '../../../src/emulator/input.ts';

const guid = '11111111-1111-4111-8111-111111111111';

function parseServe(...args: string[]) {
  const command = parseCommand(args);
  if (command.kind !== 'serve') throw new Error(`not serve but ${command.kind}`);
  return command;
}

describe('the command line', () => {
  it.each([[[]], [['serve']]])('%j serves with all defaults open', (args: string[]) => {
    const { options, logRequests } = parseServe(...args);
    expect(logRequests).toBe(false);
    expect(Object.values(options).every((value) => value === undefined)).toBe(true);
  });

  it('takes every flag', () => {
    const { options, logRequests } = parseServe(
      ...['serve', '--state-dir', '/s', '--ephemeral', '--host', '0.0.0.0'],
      ...['--public-name', 'emulator', '--name', 'a.test', '--name=*.b.test', '--name', '10.0.0.1'],
      ...['--tenant-port', '443', '--issuer-port=0', '--admin-port', '65535'],
      ...['--admin-host', '127.0.0.2', '--tenant-id', guid, '--tenant-domain', 'contoso.com'],
      ...['--issuer-url', 'https://i.test/', '--identity', 'name=a', '--identity', 'name=b'],
      ...['--resource', 'https://vault.azure.net', '--token-lifetime', '7200'],
      ...['--service-account', 'shop/cart', '--audience', 'aud', '--assertion-lifetime', '600'],
      ...['--identity-binding', '--token-proxy-port', '6443', '--log-requests'],
    );
    expect(logRequests).toBe(true);
    expect(options).toMatchObject({
      stateDirectory: '/s',
      ephemeral: true,
      host: '0.0.0.0',
      publicName: 'emulator',
      names: ['a.test', '*.b.test', '10.0.0.1'],
      tenantPort: 443,
      issuerPort: 0,
      adminPort: 65_535,
      adminHost: '127.0.0.2',
      tenantId: guid,
      tenantDomains: ['contoso.com'],
      issuerUrl: 'https://i.test/',
      identities: [{ name: 'a' }, { name: 'b' }],
      resources: ['https://vault.azure.net'],
      tokenLifetimeSeconds: 7200,
      namespace: 'shop',
      serviceAccount: 'cart',
      audience: 'aud',
      assertionLifetimeSeconds: 600,
      identityBinding: true,
      tokenProxyPort: 6443,
    });
  });

  it('takes an identity with all its keys', () => {
    const { options } = parseServe(
      '--identity',
      `name=a,kind=app-registration,tenant-id=${guid},client-id=${guid},object-id=${guid},issuer=https://i.test/?a=b,subject=s,audience=x,disabled=true,binding=forbidden`,
    );
    expect(options.identities).toEqual([
      {
        name: 'a',
        kind: 'app-registration',
        tenantId: guid,
        clientId: guid,
        objectId: guid,
        resourceId: undefined,
        disabled: true,
        binding: 'forbidden',
        credentials: [{ issuer: 'https://i.test/?a=b', subject: 's', audience: 'x' }],
      },
    ]);
  });

  it('takes an identity that nobody can use', () => {
    const { options } = parseServe('--identity', 'name=a,federated=false');
    expect(options.identities?.[0]?.credentials).toEqual([]);
  });

  it.each([
    ['--help', 'help'],
    ['--version', 'version'],
  ])('%s is answered without serving', (flag, kind) => {
    expect(parseCommand([flag, '--tenant-port', 'x'])).toEqual({ kind });
  });

  it.each([
    [['run'], '"run" is not a command; the only command is serve'],
    [['serve', 'now'], '"now" is not a command'],
    [['--bogus'], "Unknown option '--bogus'"],
    [['--state-dir'], "Option '--state-dir <value>' argument missing"],
    [['--state-dir='], '--state-dir must not be empty'],
    [['--ephemeral=yes'], "Option '--ephemeral' does not take an argument"],
    [['--tenant-port', '70000'], '--tenant-port: the value must be a whole number from 0 to 65535'],
    [['--tenant-port', '-1'], '--tenant-port'],
    [['--tenant-port', '0x10'], 'not "0x10"'],
    [['--tenant-id', 'x'], '--tenant-id: the value must be a GUID'],
    [['--name', 'a b'], '--name: the value must be a host name or an IP address, not "a b"'],
    [['--public-name', 'https://x'], '--public-name'],
    [['--token-lifetime', '1'], '--token-lifetime: the value must be a whole number from 2'],
    [['--service-account', 'cart'], '--service-account: the value must be NAMESPACE/NAME'],
    [['--identity', 'a'], '--identity: "a" is not KEY=VALUE with a key of name'],
    [['--identity', 'name=a,colour=red'], '"colour=red" is not KEY=VALUE'],
    [['--identity', 'name=a,name=b'], 'name is given twice'],
    [['--identity', 'client-id=x'], '--identity: name must be'],
    [['--identity', 'name=a,client-id=x'], '--identity: clientId must be a GUID'],
    [['--identity', 'name=a,federated=no'], 'federated must be true or false, not "no"'],
    [['--identity', 'name=a,federated=false,subject=s'], 'does not go with'],
  ])('%j is refused with a reason', (args, message) => {
    expect(() => parseCommand(args)).toThrow(InputError);
    expect(() => parseCommand(args)).toThrow(message);
  });

  it('has help for every flag', () => {
    const help = toHelp();
    for (const name of Object.keys(flags)) expect(help).toMatch(new RegExp(`^  --${name}\\b`, 'm'));
  });
});
