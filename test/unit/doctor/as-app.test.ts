import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findMesh, toDestination } from '../../../src/doctor/app/destination.ts';
import { checkNested, judgeNested, parseNestingLinks } from '../../../src/doctor/app/other-ways.ts';
import type { PodProxy } from '../../../src/doctor/app/pod-proxy.ts';
import { listAppProcesses } from '../../../src/doctor/app/processes.ts';
import {
  judgeMesh,
  judgeOtherUsers,
  judgeProxyUser,
  judgeRedirect,
} from '../../../src/doctor/app/redirect-checks.ts';
import { readSockets, readSocketsIfSeen } from '../../../src/doctor/network/sockets.ts';
import type { Trace } from '../../../src/doctor/network/trace.ts';

const proxy: PodProxy = { kind: 'answers', port: 8000, uid: 1501, version: '1.2.3' };
const ours = {
  status: 200,
  headers: { server: 'IMDS/1.2.3 (workload-identity-imds-proxy)' },
  text: '',
};
const other = { status: 200, headers: { server: 'IMDS/150.0' }, text: '' };

describe('where a connection came out', () => {
  test.each<[name: string, trace: Trace, kind: string]>([
    [
      'the port of the proxy',
      { kind: 'connected', receiver: { port: 8000, uid: 1501 }, answer: undefined },
      'proxy',
    ],
    [
      'another port',
      { kind: 'connected', receiver: { port: 9000, uid: 7 }, answer: undefined },
      'other',
    ],
    ['outside, the node', { kind: 'connected', receiver: undefined, answer: other }, 'node'],
    [
      'outside, without HTTP',
      { kind: 'connected', receiver: undefined, answer: undefined },
      'node',
    ],
    ['outside, a proxy', { kind: 'connected', receiver: undefined, answer: ours }, 'distant-proxy'],
    ['nowhere', { kind: 'silent' }, 'silent'],
    ['a refusal', { kind: 'refused', code: 'ECONNREFUSED' }, 'refused'],
  ])('%s', (_name, trace, kind) => {
    expect(toDestination(trace, proxy).kind).toBe(kind);
  });

  test('a stranger on the usual port is not the proxy', () => {
    const stranger: PodProxy = { kind: 'stranger', port: 8000, uid: 7, server: 'nginx' };
    const trace: Trace = { kind: 'connected', receiver: { port: 8000, uid: 7 }, answer: other };
    expect(toDestination(trace, stranger).kind).toBe('other');
  });

  test.each([
    [{ port: 15_001, uid: 1337 }, 'Istio'],
    [{ port: 4140, uid: 2102 }, 'Linkerd'],
    [{ port: 15_001, uid: undefined }, 'a service mesh'],
    [{ port: 9000, uid: 1337 }, undefined],
  ])('%j belongs to %s', (receiver, name) => {
    expect(findMesh(receiver)?.name).toBe(name);
  });

  test('a mesh that passes connections on to the proxy is a warning', () => {
    const trace: Trace = { kind: 'connected', receiver: { port: 15_001, uid: 1337 }, answer: ours };
    expect(judgeRedirect(toDestination(trace, proxy), 2000, proxy)).toMatchObject({
      status: 'warn',
      summary: expect.stringMatching(/^Istio takes .* and passes them on to the proxy$/),
    });
  });

  test('the worst of several users decides', () => {
    const tried = new Map([
      [1000, { kind: 'proxy' as const }],
      [1001, { kind: 'node' as const }],
    ]);
    expect(judgeOtherUsers(tried, proxy)).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('user 1001'),
    });
  });

  test('the user of a proxy that cannot be tried is a warning', () => {
    const moved = { ...proxy, uid: 3000 };
    expect(judgeProxyUser(moved, undefined, undefined).status).toBe('warn');
    expect(judgeProxyUser(moved, undefined, 'off').status).toBe('ok');
    expect(judgeProxyUser(moved, { kind: 'proxy' }, 'instance').status).toBe('fail');
    expect(judgeProxyUser(moved, { kind: 'node' }, 'instance').status).toBe('ok');
  });
});

describe('without /proc', () => {
  test('nothing is said of sockets that cannot be seen', () => {
    expect(judgeMesh(undefined, { kind: 'proxy' }).status).toBe('skip');
    expect(judgeMesh([], { kind: 'proxy' }).status).toBe('ok');
    expect(judgeProxyUser({ ...proxy, uid: undefined }, undefined, undefined).status).toBe('skip');
  });

  test('nothing is said of links that cannot be seen', async () => {
    expect((await checkNested('/nowhere')).status).toBe('skip');
  });

  test('the table of sockets is unknown, and not empty', async () => {
    expect(await readSocketsIfSeen('/nowhere')).toBeUndefined();
    expect(await readSockets('/nowhere')).toEqual([]);
  });
});

describe('nested containers', () => {
  test('links of /proc/net/dev', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes
    lo:  100       1    0
  eth0: 200 2
docker0: 0 0
br-0123456789ab: 0 0
veth12: 0 0
bridge: 1
`;
    expect(parseNestingLinks(text)).toEqual(['docker0', 'br-0123456789ab']);
  });

  test('only forwarding makes them matter', () => {
    expect(judgeNested([], '1').status).toBe('ok');
    expect(judgeNested(['docker0'], '0').status).toBe('ok');
    expect(judgeNested(['docker0'], '1').status).toBe('skip');
    expect(judgeNested(['docker0'], undefined).status).toBe('skip');
  });
});

describe('the processes of the application', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'doctor-proc-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function addProcess(
    pid: number,
    command: readonly string[],
    { uid = 1000, parent = 0, capabilities = '0000000000000000' } = {},
  ): Promise<void> {
    await mkdir(join(root, `${pid}`));
    const status = `Name:\tx\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t1\t1\t1\t1\nCapPrm:\t${capabilities}\n`;
    await Promise.all([
      writeFile(join(root, `${pid}/status`), status),
      writeFile(join(root, `${pid}/stat`), `${pid} (a b) c) S ${parent} 1 1`),
      writeFile(join(root, `${pid}/cmdline`), command.map((word) => `${word}\0`).join('')),
    ]);
  }

  test('are neither the doctor and its shell, nor the proxy, nor the sandbox', async () => {
    await addProcess(1, ['/pause'], { uid: 65_535 });
    await addProcess(7, ['/usr/bin/java', '-jar', 'app.jar'], { capabilities: '0000000000002000' });
    await addProcess(8, ['node', '--max-semi-space-size=1', '/proxy'], { uid: 1501 });
    await addProcess(9, []);
    await addProcess(20, ['sh'], { uid: 0 });
    await addProcess(21, ['node', '/proxy', 'doctor', '--as-app'], { parent: 20 });
    expect(await listAppProcesses(root, 21)).toEqual([
      { pid: 7, program: 'java', uid: 1000, hasNetRaw: true, hasNetAdmin: false },
    ]);
  });

  test('without /proc the list is empty', async () => {
    expect(await listAppProcesses(join(root, 'none'), 5)).toEqual([]);
  });
});
