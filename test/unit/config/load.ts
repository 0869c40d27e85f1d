import { type LoadedConfig, loadConfig } from '../../../src/proxy/config/config.ts';

export const tenantId = '11111111-2222-3333-4444-555555555555';
export const clientId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
export const otherClientId = '99999999-8888-7777-6666-555555555555';

/** What the webhook sets. */
export const requiredEnv = {
  AZURE_TENANT_ID: tenantId,
  AZURE_CLIENT_ID: clientId,
  AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/tokens/azure-identity-token',
} as const;

type Env = Readonly<Record<string, string | undefined>>;

function load(env: Env, argv: readonly string[]): LoadedConfig {
  return loadConfig(argv, { ...requiredEnv, ...env });
}

/** The configuration, with the required variables set unless `env` says otherwise. */
export function accepted(
  env: Env = {},
  argv: readonly string[] = [],
): Extract<LoadedConfig, { kind: 'config' }> {
  const loaded = load(env, argv);
  if (loaded.kind !== 'config') throw new Error(`not accepted: ${JSON.stringify(loaded)}`);
  return loaded;
}

/** The messages with which it is refused. */
export function refused(env: Env, argv: readonly string[] = []): readonly string[] {
  const loaded = load(env, argv);
  if (loaded.kind !== 'invalid') throw new Error(`not refused: ${loaded.kind}`);
  return loaded.errors;
}
