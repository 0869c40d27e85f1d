import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { run } from './run.ts';

/** A registry and a builder that exist as long as the dry run. */
export interface Loopback {
  /** Address of the registry, without a scheme. */
  readonly registry: string;
  /** The command of buildx, with that builder. */
  readonly buildx: readonly string[];
  /** Starts another builder that has no layer yet. */
  forgetLayers(): Promise<void>;
  stop(): Promise<void>;
}

export interface LoopbackTools {
  readonly crane: string;
  readonly buildx: string;
  readonly buildkitd: string;
}

const startMs = 60_000;

/**
 * Starts a registry on a free port of 127.0.0.1, and BuildKit with everything that it keeps below `folder`. BuildKit
 * needs root.
 */
export async function startLoopback(tools: LoopbackTools, folder: string): Promise<Loopback> {
  const registry = `127.0.0.1:${await findFreePort()}`;
  const storage = join(folder, 'registry');
  await mkdir(storage);
  const serve = ['registry', 'serve', `--address=${registry}`, `--disk=${storage}`];
  const registryProcess = start(tools.crane, serve);
  let builder: ChildProcess | undefined;
  let count = 0;

  /** buildx keeps the names of its builders here, and not in the user's own folder. */
  const env = { BUILDX_CONFIG: join(folder, 'buildx') };
  const buildx = ['env', `BUILDX_CONFIG=${env.BUILDX_CONFIG}`, tools.buildx];

  const forgetLayers = async (): Promise<void> => {
    if (builder !== undefined) {
      await run([...buildx, 'rm', 'release']);
      await end(builder);
    }
    count += 1;
    const root = join(folder, `buildkit-${count}`);
    const address = `unix://${join(root, 'buildkitd.sock')}`;
    await mkdir(root);
    // Steps of a build reach the network as this machine does.
    await writeFile(join(root, 'buildkitd.toml'), '[worker.oci]\n  networkMode = "host"\n');
    builder = start(tools.buildkitd, [
      `--root=${root}`,
      `--addr=${address}`,
      `--config=${join(root, 'buildkitd.toml')}`,
    ]);
    await run([...buildx, 'create', '--name=release', '--driver=remote', '--use', address]);
    await waitFor(() => run([...buildx, 'inspect', 'release', '--bootstrap']));
  };

  const stop = async (): Promise<void> => {
    if (builder !== undefined) await end(builder);
    await end(registryProcess);
  };
  try {
    await waitFor(async () => (await fetch(`http://${registry}/v2/`)).status);
    await forgetLayers();
  } catch (error) {
    await stop();
    throw error;
  }
  return { registry, buildx, forgetLayers, stop };
}

/** Starts a program that ends with this one at the latest. */
function start(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, args, { stdio: 'ignore' });
  process.once('exit', () => child.kill());
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

/** Calls `attempt` until it succeeds. @throws its last error, after a minute. */
async function waitFor(attempt: () => Promise<unknown>): Promise<void> {
  const deadlineAt = Date.now() + startMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadlineAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port of 127.0.0.1');
  return address.port;
}
