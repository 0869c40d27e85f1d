import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyProgramsFor, makeSharedFolder } from '../../../demo/shared-folder.ts';
import { aliasPort, proxyUid } from '../../../src/shared/redirect-contract.ts';
import { describeInNamespaces, type Namespace } from '../../support/netns.ts';
import { createImdsPod, type ImdsPod } from '../../support/netns-imds-pod.ts';
import { proxyInit } from '../../support/netns-lab.ts';
import { dist } from '../../support/proxy-process.ts';

const instance = '/metadata/instance?api-version=2021-02-01';

let directory: string;
let pod: Namespace;
let ask: ImdsPod['ask'];
let imdsPod: ImdsPod;

interface RunningProxy {
  readonly output: readonly string[];
  untilSaid(text: string): Promise<void>;
}

beforeEach(async () => {
  directory = makeSharedFolder('proxy-in-pod-');
  imdsPod = await createImdsPod();
  ({ pod, ask } = imdsPod);
});
afterEach(async () => {
  await imdsPod.remove();
  await rm(directory, { recursive: true, force: true });
});

/** Starts the built proxy in the pod as `uid` and waits until it has looked for a loop. */
async function startProxy(uid: number, ...flags: readonly string[]): Promise<RunningProxy> {
  const { node: binary, bin } = copyProgramsFor(uid, dist, directory);
  const command = [binary, join(bin, 'proxy')];
  const child = pod.start([...command, '--log-level=debug', '--admin-port=0', ...flags], {
    through: [
      ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'],
      ...['--bounding-set=-all', '--no-new-privs'],
    ],
    env: {
      AZURE_TENANT_ID: '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22',
      AZURE_CLIENT_ID: 'a1a1a1a1-0000-4000-8000-00000000000a',
      AZURE_FEDERATED_TOKEN_FILE: join(directory, 'no-token'),
    },
  });
  const output: string[] = [];
  const waiting = new Set<() => void>();
  if (child.stderr === null) throw new Error('no output');
  createInterface({ input: child.stderr }).on('line', (line) => {
    output.push(line);
    for (const look of waiting) look();
  });
  const proxy: RunningProxy = {
    output,
    untilSaid: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.some((line) => line.includes(text))) resolve();
        };
        waiting.add(look);
        look();
        child.once('exit', () => reject(new Error(`the proxy ended:\n${output.join('\n')}`)));
      }),
  };
  await proxy.untilSaid('starting the proxy server');
  return proxy;
}

describeInNamespaces('the proxy behind the redirect', () => {
  test('forwards what is not about identity, and keeps everything else to itself', async () => {
    await startProxy(proxyUid);
    await pod.must([proxyInit]);
    expect(await ask(instance)).toEqual({ status: 200, body: `node 169.254.169.254 ${instance}` });
    expect((await ask('/metadata/identity/info?api-version=2018-02-01')).status).toBe(404);
    expect((await ask('/metadata/attested/document?api-version=2020-09-01')).status).toBe(404);
    expect((await ask('/metadata/identity\\oauth2\\token')).status).toBeGreaterThanOrEqual(400);
  });

  test('alias-port: a proxy of any user reaches the metadata service', async () => {
    await startProxy(0, `--metadata-endpoint=169.254.169.254:${aliasPort}`);
    await pod.must([proxyInit], { env: { INIT_EXEMPT: 'alias-port' } });
    expect(await ask(instance)).toEqual({ status: 200, body: `node 169.254.169.254 ${instance}` });
  });

  test('none: without pass-through nobody reaches it, not even the proxy’s own user', async () => {
    await startProxy(proxyUid, '--passthrough=off');
    await pod.must([proxyInit], { env: { INIT_EXEMPT: 'none' } });
    expect((await ask(instance)).status).toBe(404);
    expect((await ask(instance, proxyUid)).status).toBe(404);
  });

  test('case 36: a proxy with the wrong user notices its own request, says so once, and stops', async () => {
    await pod.must([proxyInit]);
    const proxy = await startProxy(2000);
    // The proxy sends nothing of its own: the first request that it passes on shows the loop.
    const first = ask(instance);
    await proxy.untilSaid('requests to the metadata service come back');
    await first;
    for (let time = 0; time < 3; time += 1) expect((await ask(instance)).status).toBe(404);
    const complaints = proxy.output.filter((line) => line.includes('come back'));
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('PROXY_UID');
    // One line for each request of the application and at most one for the one that came back.
    expect(proxy.output.filter((line) => line.includes('"method"')).length).toBeLessThanOrEqual(5);
  });

  test('case 37: the proxy is where the redirect leads, whatever the hosts file says', async () => {
    await pod.must([proxyInit]);
    await startProxy(proxyUid);
    const listening = await pod.must(['ss', '-Htln', 'sport', '=', ':8000']);
    expect(listening).toContain('127.0.0.1:8000');
    expect((await ask('/readyz')).status).toBe(200);
  });
});
