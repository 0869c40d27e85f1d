import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNamespace, describeInNamespaces, type Namespace } from '../../support/netns.ts';
import { dist } from '../../support/proxy-process.ts';

let pod: Namespace;
beforeEach(async () => {
  pod = await createNamespace();
});
afterEach(() => pod.remove());

interface RunningProxy {
  readonly process: ChildProcess;
  /** Sends SIGTERM to the proxy, as the kubelet does, and waits until the proxy has logged it. */
  terminate(): Promise<void>;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
}

/** Resolves at the first line that holds `text`. @throws if the program ends before */
async function untilSaid(stream: NodeJS.ReadableStream | null, text: string): Promise<void> {
  if (stream === null) throw new Error('no output');
  await new Promise<void>((resolve, reject) => {
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      if (line.includes(text)) resolve();
    });
    lines.on('close', () => reject(new Error(`ended before it said ${text}`)));
  });
}

/** Starts the built proxy as process 1 of a PID namespace, as a container does. */
async function startProxy(...flags: readonly string[]): Promise<RunningProxy> {
  const child = pod.start(
    ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', join(dist, 'proxy')].concat(
      '--log-level=info',
      '--admin-port=0',
      flags,
    ),
    {
      env: {
        AZURE_TENANT_ID: '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22',
        AZURE_CLIENT_ID: 'a1a1a1a1-0000-4000-8000-00000000000a',
        AZURE_FEDERATED_TOKEN_FILE: '/no-token',
      },
    },
  );
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  await untilSaid(child.stderr, 'starting the proxy server');
  return {
    process: child,
    async terminate() {
      const heard = untilSaid(child.stderr, 'received shutdown signal');
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      process.kill(Number(children), 'SIGTERM');
      await heard;
    },
    exited,
  };
}

/** Starts an application that holds one listening socket. */
async function startApplication(): Promise<ChildProcess> {
  const program = "require('node:net').createServer().listen(0, () => console.log('listening'))";
  const child = pod.start([process.execPath, '-e', program]);
  await untilSaid(child.stdout, 'listening');
  return child;
}

async function answers(): Promise<boolean> {
  const { exitCode } = await pod.run([
    'curl',
    '-sf',
    '--max-time',
    '5',
    'http://127.0.0.1:8000/readyz',
  ]);
  return exitCode === 0;
}

describeInNamespaces('SIGTERM in a pod', () => {
  test('the proxy serves while another process holds a socket, and exits 0 after it has ended', async () => {
    const application = await startApplication();
    const proxy = await startProxy();
    await proxy.terminate();
    // Longer than the quiet time without an application; a loaded machine only makes it longer.
    const end = Date.now() + 1_500;
    while (Date.now() < end) expect(await answers()).toBe(true);
    application.kill('SIGKILL');
    expect(await proxy.exited).toBe(0);
  });

  test('the proxy exits 0 when it is alone, although nothing tells it that it is a native sidecar', async () => {
    const proxy = await startProxy();
    await proxy.terminate();
    expect(await proxy.exited).toBe(0);
  });

  test('--drain-quiet=0 stops beside a running application', async () => {
    const application = await startApplication();
    const proxy = await startProxy('--drain-quiet=0');
    await proxy.terminate();
    expect(await proxy.exited).toBe(0);
    expect(application.exitCode).toBeNull();
  });

  test('--drain-deadline stops beside a running application', async () => {
    const application = await startApplication();
    const proxy = await startProxy('--drain-quiet=100ms', '--drain-deadline=1s');
    await proxy.terminate();
    expect(await proxy.exited).toBe(0);
    expect(application.exitCode).toBeNull();
  });
});
