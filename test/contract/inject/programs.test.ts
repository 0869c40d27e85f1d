import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { initOptions } from '../../../src/init/options.ts';
import { defaultAdminPort } from '../../../src/inject/contract.ts';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import { scanFlags } from '../../../src/shared/flags.ts';
import type { OptionTable } from '../../../src/shared/option-table.ts';
import { resolveOptions } from '../../../src/shared/options.ts';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

interface Container {
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly startupProbe?: { readonly exec: { readonly command: readonly string[] } };
}

const stdin = 'apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: app, image: x}]\n';
const flags = [
  ['--log-level=all', '--proxy-port=8123', '--admin-port=0'],
  ['--passthrough=off', '--log-level='],
  ['--passthrough=all', '--admin-port=1234'],
  [
    '--webhook=absent',
    '--tenant-id=contoso.example',
    '--client-id=5a5f5ac6-94ab-4ad8-8a0f-1ef5a9a07e08',
  ],
  [
    '--webhook=absent',
    '--tenant-id=contoso.example',
    '--authority-host=https://login.microsoftonline.us/',
    '--identity-binding',
    '--token-proxy=https://10.0.0.1/x',
    '--token-proxy-sni=abc.ests.aks',
  ],
];

/** What a program makes of the arguments and variables that a container gives it. */
function resolve<T extends OptionTable>(table: T, { args = [], env = [] }: Container) {
  const scan = scanFlags(table, args);
  if (scan.kind !== 'flags') throw new Error(JSON.stringify(scan));
  expect(scan.rest).toEqual([]);
  const known = Object.values(table).map((option) => option.env);
  for (const { name } of env) expect(known).toContain(name);
  return resolveOptions(
    table,
    scan.texts,
    Object.fromEntries(env.map(({ name, value }) => [name, value])),
  );
}

describe.each(flags)('what inject %s %s writes', (...argv) => {
  const inject = async (): Promise<readonly [Container, Container]> => {
    const { stdout, stderr, exitCode } = await runInjectOn('inject', [...imageFlags, ...argv], {
      stdin,
    });
    expect(exitCode, stderr).toBe(0);
    return parse(stdout).spec.initContainers;
  };

  it('proxy-init accepts', async () => {
    const [init, proxy] = await inject();
    const { errors, values } = resolve(initOptions, init);
    expect(errors).toEqual([]);
    // The redirect leads to where the proxy listens.
    expect(values.proxyPort).toBe(resolve(proxyOptions, proxy).values.proxyPort);
  });

  it('the proxy accepts, except for the variables of the webhook', async () => {
    const [, proxy] = await inject();
    const { errors } = resolve(proxyOptions, proxy);
    const isOwn = argv.includes('--webhook=absent');
    expect(errors.map((error) => error.split(' ')[0])).toEqual(
      isOwn ? [] : ['AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE'],
    );
  });

  it('the probe accepts and looks at the same port', async () => {
    const [, proxy] = await inject();
    const [program, ...args] = proxy.startupProbe?.exec.command ?? [];
    expect(program).toBe('/proxy');
    const { values } = resolve(proxyOptions, { args });
    expect(values.proxyPort).toBe(resolve(proxyOptions, proxy).values.proxyPort);
    expect(values.probe).toBe(true);
  });
});

it('takes the admin port that the proxy takes', () => {
  expect(proxyOptions.adminPort.default).toBe(`${defaultAdminPort}`);
});
