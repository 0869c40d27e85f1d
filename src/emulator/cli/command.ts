import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import type { EmulatorOptions } from '../api.ts';
import { InputError, integerWithin, parseGuid } from '../input.ts';
import { parseArgsOptions } from './flags.ts';
import { parseIdentityFlag } from './identity-flag.ts';

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'serve';
      readonly logRequests: boolean;
      /** Without `stateDirectory` if none is given. */
      readonly options: Omit<EmulatorOptions, 'stateDirectory'> & {
        readonly stateDirectory: string | undefined;
      };
    };

const weekSeconds = 7 * 24 * 3600;

/**
 * Reads the arguments after the program's name.
 * @throws InputError that names the flag, its fault and what to give instead
 */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseFlags(args);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  const [command = 'serve', extra] = positionals;
  if (command !== 'serve' || extra !== undefined) {
    throw new InputError(`"${extra ?? command}" is not a command; the only command is serve`);
  }
  return {
    kind: 'serve',
    logRequests: values['log-requests'] === true,
    options: {
      stateDirectory: values['state-dir'],
      ephemeral: values.ephemeral,
      host: values.host,
      publicName: read('public-name', values['public-name'], parseHostName),
      names: readEach('name', values.name, parseHostName),
      tenantPort: read('tenant-port', values['tenant-port'], parsePort),
      issuerPort: read('issuer-port', values['issuer-port'], parsePort),
      adminPort: read('admin-port', values['admin-port'], parsePort),
      adminHost: values['admin-host'],
      tenantId: read('tenant-id', values['tenant-id'], parseGuid),
      tenantDomains: readEach('tenant-domain', values['tenant-domain'], parseHostName),
      issuerUrl: values['issuer-url'],
      identities: readEach('identity', values.identity, parseIdentityFlag),
      resources: values.resource,
      tokenLifetimeSeconds: read('token-lifetime', values['token-lifetime'], parseLifetime),
      ...read('service-account', values['service-account'], parseServiceAccount),
      identityBinding: values['identity-binding'],
      tokenProxyPort: read('token-proxy-port', values['token-proxy-port'], parsePort),
      audience: values.audience,
      assertionLifetimeSeconds: read(
        'assertion-lifetime',
        values['assertion-lifetime'],
        parseLifetime,
      ),
    },
  };
}

function parseFlags(args: readonly string[]) {
  try {
    const parsed = parseArgs({
      args: [...args],
      options: parseArgsOptions,
      allowPositionals: true,
      strict: true,
    });
    for (const [name, value] of Object.entries(parsed.values)) {
      if ([value].flat().includes('')) throw new InputError(`--${name} must not be empty`);
    }
    return parsed;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError(message.replace(/ To specify a positional argument.*$/s, ''));
  }
}

type Parse<T> = (value: string, name: string) => T;

function read<T>(flag: string, value: string | undefined, parse: Parse<T>): T | undefined {
  return value === undefined ? undefined : readOne(flag, value, parse);
}

function readEach<T>(
  flag: string,
  values: readonly string[] | undefined,
  parse: Parse<T>,
): readonly T[] | undefined {
  return values?.map((value) => readOne(flag, value, parse));
}

function readOne<T>(flag: string, value: string, parse: Parse<T>): T {
  try {
    return parse(value, 'the value');
  } catch (error) {
    throw error instanceof InputError ? new InputError(`--${flag}: ${error.message}`) : error;
  }
}

function parsePort(value: string, name: string): number {
  return integerWithin(0, 65_535)(toNumber(value), name);
}

function parseLifetime(value: string, name: string): number {
  return integerWithin(2, weekSeconds)(toNumber(value), name);
}

/** The number that digits alone spell, else the text, for the message to show. */
function toNumber(value: string): number | string {
  return /^\d{1,9}$/.test(value) ? Number(value) : value;
}

function parseHostName(value: string, name: string): string {
  if (isIP(value) !== 0 || /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(value)) return value;
  throw new InputError(`${name} must be a host name or an IP address, not "${value}"`);
}

function parseServiceAccount(value: string, name: string) {
  const [, namespace, serviceAccount] = /^([a-z0-9.-]+)\/([a-z0-9.-]+)$/.exec(value) ?? [];
  if (namespace !== undefined && serviceAccount !== undefined) return { namespace, serviceAccount };
  throw new InputError(`${name} must be NAMESPACE/NAME, such as default/demo, not "${value}"`);
}
