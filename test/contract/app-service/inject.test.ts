/** The proxy must accept and serve the settings that `inject --no-redirect` writes into a pod. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { headerSecretValue } from '../../../src/proxy/config/values.ts';
import { imageFlags, runInjectOn } from '../../support/inject.ts';
import { send } from '../../support/raw-http.ts';
import { startScriptedProxy } from '../imds/scripted-proxy.ts';
import { newest, oldest, vault } from './scripted-app-service.ts';

interface Container {
  readonly name: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

const stdin =
  'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  initContainers: [{name: own, image: x}]\n  containers: [{name: app, image: x}]\n';

test.each(['own', 'app'])(
  'container %s gets a token by the variables that it has',
  async (name) => {
    const [proxyImage = ''] = imageFlags;
    const { stdout } = await runInjectOn(
      'inject',
      [proxyImage, '--no-redirect', '--header-key-variable=KEY'],
      {
        stdin,
        variables: { KEY: 'a key of sixteen bytes or more' },
      },
    );
    const { initContainers, containers } = parse(stdout).spec;
    const envOf = (wanted: string): Record<string, string> => {
      const all: readonly Container[] = [...initContainers, ...containers];
      const env = all.find((container) => container.name === wanted)?.env ?? [];
      return Object.fromEntries(env.map((variable) => [variable.name, variable.value]));
    };

    const parsed = headerSecretValue.parse(envOf('azwi-proxy')['IMDS_PROXY_IDENTITY_HEADER'] ?? '');
    if (!parsed.ok) throw new Error(parsed.fault);
    await using proxy = await startScriptedProxy('standard', { identityHeader: parsed.value });

    const variables = envOf(name);
    for (const [version, endpoint, header] of [
      [newest, 'IDENTITY_ENDPOINT', `X-IDENTITY-HEADER: ${variables['IDENTITY_HEADER']}`],
      [oldest, 'MSI_ENDPOINT', `Secret: ${variables['MSI_SECRET']}`],
    ] as const) {
      const { host, pathname } = new URL(variables[endpoint] ?? '');
      const target = `${pathname}?${version}&resource=${vault}`;
      const answer = await send(proxy.endpoint, { target, headers: [`Host: ${host}`, header] });
      expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('access_token')]);
    }
  },
);
