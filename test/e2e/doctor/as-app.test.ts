/**
 * The causes that a doctor in the place of the application finds. Each is set up for real in the network namespaces of
 * a pod and its node. The doctor sees the processes of the application alone, as `kubectl debug --target` lets it.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type CopiedPrograms,
  copyProgramsFor,
  makeSharedFolder,
} from '../../../demo/shared-folder.ts';
import { proxyUid } from '../../../src/shared/redirect-contract.ts';
import { type Diagnosis, runDoctor } from '../../support/doctor.ts';
import { createPrintedTable } from '../../support/doctor-table.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';
import { createNested } from '../../support/netns-nested.ts';
import { asUser, startUntilSaid } from '../../support/netns-process.ts';
import { dist } from '../../support/proxy-process.ts';

/** An ordinary user of an application. */
const appUid = 2000;

let folder: string;
let programs: CopiedPrograms;
let lab: Lab;

beforeAll(() => {
  folder = makeSharedFolder('doctor-as-app-');
  programs = copyProgramsFor(appUid, dist, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

async function startInPod(uid: number, command: readonly string[], word: string): Promise<void> {
  await startUntilSaid(lab.pod, command, word, {
    uid,
    env: {
      AZURE_TENANT_ID: '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22',
      AZURE_CLIENT_ID: 'a1a1a1a1-0000-4000-8000-00000000000a',
      AZURE_FEDERATED_TOKEN_FILE: join(folder, 'no-token'),
    },
  });
}

const startProxy = (uid = proxyUid, ...flags: readonly string[]): Promise<void> =>
  startInPod(
    uid,
    [programs.node, join(programs.bin, 'proxy'), '--log-level=info', ...flags],
    'starting the proxy server',
  );

/** An HTTP server that answers everything alike. */
const startServer = (uid: number, port: number, headers = {}, body = ''): Promise<void> =>
  startInPod(
    uid,
    [
      programs.node,
      '-e',
      `require('node:http').createServer((_, response) => {
        response.writeHead(200, ${JSON.stringify(headers)}).end(${JSON.stringify(body)});
      }).listen(${port}, '127.0.0.1', () => console.log('ready'))`,
    ],
    'ready',
  );

interface Case {
  /** The user of the application's process. Undefined: none is in sight. */
  readonly app?: number | undefined;
  /** The user of the doctor. */
  readonly doctor?: number;
  readonly args?: readonly string[];
}

/** Runs the doctor in a process namespace with a process of the application. */
async function diagnose({
  app = appUid,
  doctor = appUid,
  args = [],
}: Case = {}): Promise<Diagnosis> {
  const startApp = `${asUser(app).join(' ')} sleep 60 & exec "$@"`;
  return runDoctor({
    through: [
      ...['nsenter', `--net=${lab.pod.path}`, 'unshare', '--pid', '--fork', '--mount-proc'],
      ...(app === -1 ? [] : ['sh', '-c', startApp, 'sh']),
      ...(doctor === 0 ? [] : asUser(doctor)),
    ],
    program: [programs.node, join(programs.bin, 'proxy')],
    args: ['--as-app', ...args],
  });
}

const statuses = ({ checks }: Diagnosis): Readonly<Record<string, string>> =>
  Object.fromEntries(checks.map(({ id, status }) => [id, status]));

/** Every cause of this file, with the answer of the doctor. */
const table = createPrintedTable();

function expectFirst(
  cause: string,
  diagnosis: Diagnosis,
  id: string,
  says: RegExp,
  fix: RegExp,
): void {
  table.add(cause, diagnosis);
  expect(diagnosis.exitCode).toBe(1);
  expect(diagnosis.first, JSON.stringify(diagnosis.checks, null, 1)).toMatchObject({
    id,
    summary: expect.stringMatching(says),
    fix: expect.stringMatching(fix),
    docs: expect.stringMatching(/^docs\//),
  });
}

async function redirect(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { exitCode, stderr } = await lab.init([], env);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
}

describeInNamespaces('the doctor in the place of the application', () => {
  test('all is well behind the guard, and checks without a permission are skipped', async () => {
    await redirect({ INIT_GUARD: 'imds+wireserver' });
    await startProxy();
    const diagnosis = await diagnose();
    expect(diagnosis.exitCode).toBe(0);
    expect(statuses(diagnosis)).toEqual({
      'pod-proxy': 'ok',
      'app-user': 'ok',
      redirect: 'ok',
      'redirect-users': 'skip',
      'redirect-mesh': 'ok',
      'redirect-ipv6': 'ok',
      'proxy-user': 'ok',
      'metadata-ports': 'ok',
      'wire-server': 'ok',
      'nested-containers': 'ok',
      'app-capabilities': 'ok',
    });
    expect(diagnosis.checks.find(({ id }) => id === 'redirect')?.summary).toBe(
      'a connection of user 2000 to 169.254.169.254:80 came out at port 8000',
    );
  });

  test('root tries other users as well', async () => {
    await redirect({ INIT_GUARD: 'imds+wireserver' });
    await startProxy();
    const diagnosis = await diagnose({ doctor: 0 });
    expect(diagnosis.exitCode).toBe(0);
    expect(diagnosis.checks.find(({ id }) => id === 'redirect-users')).toMatchObject({
      status: 'ok',
      summary: 'connections of the users 2000, 65534 come out at the proxy as well',
    });
  });

  test('without a process of the application in sight', async () => {
    await redirect();
    await startProxy();
    expect(statuses(await diagnose({ app: -1 }))).toMatchObject({
      'app-user': 'skip',
      redirect: 'ok',
      'app-capabilities': 'skip',
    });
  });

  test('without the guard, other addresses of the node answer', async () => {
    await redirect();
    await startProxy();
    const { checks, exitCode } = await diagnose();
    expect(exitCode).toBe(0);
    expect(checks.find(({ id }) => id === 'metadata-ports')).toMatchObject({
      status: 'warn',
      summary: '169.254.169.254 answers this pod on port 443, 8080, past the redirect',
      fix: expect.stringContaining('INIT_GUARD=imds '),
    });
    expect(checks.find(({ id }) => id === 'wire-server')).toMatchObject({
      status: 'warn',
      summary: 'the wire server 168.63.129.16 answers this pod on port 80, 32526',
      fix: expect.stringContaining('INIT_GUARD=imds+wireserver'),
    });
  });

  test('redirect missing', async () => {
    await startProxy();
    const diagnosis = await diagnose();
    const page = await readFile(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8');
    const shown = page.split('from the place of the application')[1]?.split('```')[0] ?? '';
    const ids = [...shown.matchAll(/^(?:ok|warn|fail|skip) +([a-z0-9-]+) {2}/gm)].map(
      ([, id]) => id,
    );
    expect(ids).toEqual(diagnosis.checks.map(({ id }) => id));
    expectFirst(
      'redirect missing',
      diagnosis,
      'redirect',
      /^169\.254\.169\.254:80 is not redirected: connections of user 2000 leave the pod/,
      /kubectl logs POD -c azwi-proxy-init/,
    );
  });

  test('no route', async () => {
    await startProxy();
    await lab.pod.must(['ip', 'route', 'del', 'default']);
    expectFirst(
      'no route to the metadata address',
      await diagnose(),
      'redirect',
      /^this pod has no route to 169\.254\.169\.254 \(ENETUNREACH\)$/,
      /INIT_ROUTE=auto/,
    );
  });

  test('redirect to a port that nothing listens on', async () => {
    await redirect({ PROXY_PORT: '9000' });
    await startProxy();
    expectFirst(
      'redirect to a port that nothing listens on',
      await diagnose(),
      'redirect',
      /^169\.254\.169\.254:80 refuses connections \(ECONNREFUSED\), and the proxy listens on port 8000$/,
      /Compare PROXY_PORT of proxy-init with port 8000/,
    );
  });

  test('redirect to the port of another program', async () => {
    await redirect({ PROXY_PORT: '9000' });
    await startProxy();
    await startServer(appUid, 9000);
    expectFirst(
      'redirect to the port of another program',
      await diagnose(),
      'redirect',
      /^169\.254\.169\.254:80 leads to port 9000 of this pod, and the proxy has port 8000$/,
      /^Set PROXY_PORT of proxy-init to 8000/,
    );
  });

  test('a proxy on another port is found by its user', async () => {
    await redirect({ PROXY_PORT: '9000' });
    await startProxy(proxyUid, '--proxy-port=9000');
    const diagnosis = await diagnose();
    expect(statuses(diagnosis)).toMatchObject({ 'pod-proxy': 'ok', redirect: 'ok' });
  });

  test('redirect of a mesh', async () => {
    await redirect({ INIT_BACKEND: 'iptables' });
    await lab.pod.must(['iptables-legacy-restore', '--noflush'], {
      input: `*nat
-A OUTPUT -p tcp -m owner --uid-owner 1337 -j RETURN
-A OUTPUT -p tcp ! -d 127.0.0.1/32 -j REDIRECT --to-ports 15001
COMMIT
`,
    });
    await startProxy();
    await startServer(1337, 15_001);
    expectFirst(
      'redirect of a mesh',
      await diagnose(),
      'redirect',
      /^Istio takes connections to 169\.254\.169\.254:80: they come out at its port 15001$/,
      /^Set INIT_BACKEND=nft for proxy-init/,
    );
  });

  test('a mesh behind the redirect', async () => {
    await redirect({ INIT_BACKEND: 'nft' });
    await startProxy();
    await startServer(1337, 15_001);
    const { checks } = await diagnose();
    expect(checks.find(({ id }) => id === 'redirect-mesh')).toMatchObject({
      status: 'ok',
      summary: 'Istio listens on port 15001, and the redirect comes before it',
    });
  });

  test.each([appUid, 0])('application as user 1501, seen by user %i', async (doctor) => {
    await redirect();
    await startProxy();
    expectFirst(
      `application as user 1501, seen by user ${doctor}`,
      await diagnose({ app: proxyUid, doctor }),
      'app-user',
      /^the application \(sleep, process \d+\) runs as user 1501, whom the redirect exempts: it gets the identity of the node$/,
      /^Set another runAsUser for the container of the application\. Or exempt nobody: INIT_EXEMPT=none/,
    );
  });

  test('application as user 1501, and nobody is exempt', async () => {
    await redirect({ INIT_EXEMPT: 'none' });
    await startProxy(proxyUid, '--passthrough=off');
    const diagnosis = await diagnose({ app: proxyUid, doctor: proxyUid });
    expect(diagnosis.exitCode).toBe(0);
    expect(statuses(diagnosis)).toMatchObject({ 'app-user': 'ok', redirect: 'ok' });
  });

  test('the image of the proxy has its user, who cannot stand in for the application', async () => {
    await redirect();
    await startProxy();
    expectFirst(
      'the image of the proxy has its user, who cannot stand in for the application',
      await diagnose({ app: -1, doctor: proxyUid }),
      'app-user',
      /^this doctor runs as user 1501, whom the redirect exempts/,
      /kubectl debug --custom=as-app\.json .*"runAsUser": 65532/,
    );
  });

  test('pod runAsUser', async () => {
    await redirect();
    await startProxy(appUid);
    expectFirst(
      'pod runAsUser',
      await diagnose(),
      'proxy-user',
      /^the proxy runs as user 2000, and not as 1501: the redirect catches its own requests/,
      /runAsUser: 1501 and runAsGroup: 1501 .* INIT_EXEMPT=alias-port/,
    );
  });

  test('pod runAsUser, and that user is exempt: so is the application', async () => {
    await redirect({ PROXY_UID: '2000' });
    await startProxy(appUid);
    expectFirst(
      'pod runAsUser, and that user is exempt: so is the application',
      await diagnose(),
      'app-user',
      /runs as user 2000, whom the redirect exempts/,
      /runAsUser/,
    );
  });

  test('pod runAsUser without pass-through does no harm', async () => {
    await redirect({ INIT_EXEMPT: 'none' });
    await startProxy(appUid, '--passthrough=off');
    expect(statuses(await diagnose())).toMatchObject({ 'app-user': 'ok', 'proxy-user': 'ok' });
  });

  test('proxy killed', async () => {
    await redirect();
    expectFirst(
      'proxy killed',
      await diagnose(),
      'pod-proxy',
      /^no proxy runs in this pod: nothing listens on port 8000$/,
      /kubectl logs POD -c azwi-proxy --previous; kubectl describe pod POD/,
    );
  });

  test('proxy killed, and no redirect: the identity of the node is open', async () => {
    const { checks } = await diagnose();
    expect(checks.find(({ id }) => id === 'redirect')).toMatchObject({ status: 'fail' });
  });

  test('another program has the port of the proxy', async () => {
    await redirect();
    await startServer(appUid, 8000);
    expectFirst(
      'another program has the port of the proxy',
      await diagnose(),
      'pod-proxy',
      /^another program has port 8000$/,
      /--proxy-port/,
    );
  });

  test('behind docker0 only a container can tell', async () => {
    await redirect();
    await startProxy();
    const { machine } = await createNested(lab.pod, 'docker0');
    try {
      const { checks } = await diagnose();
      expect(checks.find(({ id }) => id === 'nested-containers')).toMatchObject({
        status: 'skip',
        summary: expect.stringMatching(
          /^because only a container behind docker0 can see it\. .*wget -T 5/,
        ),
      });
    } finally {
      await machine.remove();
    }
  });

  test('--exchange gets a token as the application does, and prints nothing of it', async () => {
    await redirect();
    const version = (
      await lab.pod.must([programs.node, join(programs.bin, 'proxy'), '--version'])
    ).match(/"version":"([^"]+)"/)?.[1];
    const secret = `eyJ${'x'.repeat(200)}`;
    await startServer(
      proxyUid,
      8000,
      { server: `IMDS/${version} (workload-identity-imds-proxy)` },
      JSON.stringify({ access_token: secret }),
    );
    const diagnosis = await diagnose({ args: ['--exchange', '--verbose'] });
    expect(diagnosis.checks.find(({ id }) => id === 'token')).toMatchObject({ status: 'ok' });
    expect(diagnosis.stdout).not.toContain('xxxxxxxxxx');
  });

  test('--exchange shows the refusal of the proxy', async () => {
    await redirect();
    await startProxy();
    expectFirst(
      'proxy refuses a token',
      await diagnose({ args: ['--exchange'] }),
      'token',
      /^the proxy refuses a token for https:\/\/management\.azure\.com with status \d+: /,
      /kubectl exec POD -c azwi-proxy -- \/proxy doctor --exchange/,
    );
  });

  test('--exchange asks nobody for a token if the connection leaves the pod', async () => {
    await startProxy();
    const { checks } = await diagnose({ args: ['--exchange'] });
    expect(checks.find(({ id }) => id === 'token')).toMatchObject({
      status: 'skip',
      summary: 'because redirect failed',
    });
  });

  test('printed/as-app.md has every cause with the answer of the doctor', async () => {
    await expect(table.render()).toMatchFileSnapshot('printed/as-app.md');
  });
});
