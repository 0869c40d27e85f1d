/** An API server for one test, with nothing behind it but etcd: no node, no scheduler. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { findFreePort } from './proxy-process.ts';

export interface ApiServerOptions {
  /** With kube-apiserver, kube-controller-manager and kubectl of one version. */
  readonly binaries: string;
  /** For certificates and data; data of an earlier server in it are used again. */
  readonly folder: string;
  /** Without dashes; the value of a flag that may be repeated is a list. */
  readonly flags: Readonly<Record<string, string | readonly string[]>>;
  readonly controllerFlags: Readonly<Record<string, string>>;
}

export interface ApiServer extends AsyncDisposable {
  /** For kubectl, of an administrator. */
  readonly kubeconfig: string;
}

const adminToken = 'administrator-of-a-test';
const patienceMs = 60_000;

/** Starts it and waits until it is ready. @throws with its output if it is not */
export async function startApiServer({
  binaries,
  folder,
  flags,
  controllerFlags,
}: ApiServerOptions): Promise<ApiServer> {
  const [etcdPort, peerPort, port] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const kubeconfig = join(folder, 'kubeconfig');
  await mkdir(join(folder, 'certificates'), { recursive: true });
  await writeFile(join(folder, 'tokens.csv'), `${adminToken},admin,admin,system:masters\n`);
  await writeFile(kubeconfig, toKubeconfig(port));

  const children: ChildProcess[] = [];
  let output = '';
  const start = (
    program: string,
    args: Readonly<Record<string, string | readonly string[]>>,
  ): void => {
    const words = Object.entries(args).flatMap(([name, values]) =>
      [values].flat().map((value) => `--${name}=${value}`),
    );
    const child = spawn(program, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-20_000);
      });
    }
    child.on('error', (error) => {
      output += error.message;
    });
    children.push(child);
  };
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
  };

  start('etcd', {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': etcdUrl,
    'advertise-client-urls': etcdUrl,
    'listen-peer-urls': `http://127.0.0.1:${peerPort}`,
  });
  start(join(binaries, 'kube-apiserver'), {
    'etcd-servers': etcdUrl,
    'secure-port': `${port}`,
    'bind-address': '127.0.0.1',
    'cert-dir': join(folder, 'certificates'),
    'token-auth-file': join(folder, 'tokens.csv'),
    'authorization-mode': 'RBAC',
    'service-cluster-ip-range': '10.0.0.0/24',
    ...flags,
  });
  try {
    await untilReady(port);
  } catch (error) {
    await stop();
    throw new Error(`${error}:\n${output}`);
  }
  start(join(binaries, 'kube-controller-manager'), {
    kubeconfig,
    'leader-elect': 'false',
    'secure-port': '0',
    'use-service-account-credentials': 'true',
    ...controllerFlags,
  });
  return { kubeconfig, [Symbol.asyncDispose]: stop };
}

function toKubeconfig(port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        // The certificate is made at the start.
        cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true },
      },
    ],
    users: [{ name: 'admin', user: { token: adminToken } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}

async function untilReady(port: number): Promise<void> {
  const deadlineAt = performance.now() + patienceMs;
  while (performance.now() < deadlineAt) {
    if (await isReady(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the API server is not ready');
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const options = {
      host: '127.0.0.1',
      port,
      path: '/readyz',
      headers,
      rejectUnauthorized: false,
    };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
