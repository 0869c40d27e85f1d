/**
 * Traces the built proxy with strace and writes the names of its system calls, from which the profile is made:
 * `npm run seccomp`. With the root file system of an arm64 image it traces that Node under qemu, and writes the names
 * for a comparison: `npm run seccomp -- ROOT`. Run both when the version of Node changes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '../../src/emulator/api.ts';
import { createEmulator } from '../../src/emulator/emulator.ts';
import { createQemuTracer, strace } from './tracers.ts';
import { type TracedCalls, tracedFiles, writeProfile } from './write.ts';

const program = join(import.meta.dirname, '../../dist/proxy');
const folder = mkdtempSync(join(tmpdir(), 'imds-proxy-seccomp-'));

/** As the image runs it. */
const image = {
  NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=40',
  MALLOC_ARENA_MAX: '1',
};
const [root] = process.argv.slice(2);
const tracer = root === undefined ? strace : createQemuTracer(root);
let runs = 0;

function start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  runs += 1;
  const [file = '', ...options] = tracer.command(join(folder, `run-${runs}`));
  const command = [...options, '--disable-sigusr1', program, ...args];
  return spawn(file, command, { env: { ...image, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const child = start(args, env);
  child.stdout?.resume();
  let output = '';
  child.stderr?.on('data', (chunk) => {
    output += String(chunk);
  });
  const [code] = await once(child, 'exit');
  console.error(`${args.join(' ') || 'serve without settings'}: ${code}`);
  if (code === null) throw new Error(output);
}

async function untilLogged(child: ChildProcess, text: string): Promise<void> {
  let output = '';
  for await (const chunk of child.stderr ?? []) {
    output += String(chunk);
    if (output.includes(text)) break;
  }
  if (!output.includes(text)) throw new Error(output);
}

async function ask(url: string): Promise<void> {
  const answer = await fetch(url, { headers: { Metadata: 'true' } });
  await answer.text();
  console.error(`${new URL(url).pathname}: ${answer.status}`);
}

/** A start, all that the proxy serves, the commands that run beside it, faults of Entra, and the shutdown. */
async function trace(emulator: Emulator): Promise<void> {
  const metadata = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(metadata, 'listening');
  const metadataPort = (metadata.address() as AddressInfo).port;
  const { env } = emulator.describe();
  const flags = ['--proxy-port=18000', '--admin-port=19808'];
  const proxy = start(
    [...flags, '--log-level=all', `--metadata-endpoint=127.0.0.1:${metadataPort}`],
    { ...env, IMDS_PROXY_IDENTITY_HEADER: 'x'.repeat(32) },
  );
  await untilLogged(proxy, 'starting the proxy server');
  proxy.stderr?.resume();
  const token = 'http://127.0.0.1:18000/metadata/identity/oauth2/token?api-version=2018-02-01';
  await ask(`${token}&resource=https://vault.azure.net`);
  await ask(`${token}&resource=https://vault.azure.net&bypass_cache=true`);
  for (const kind of ['reset', 'hang'] as const) {
    emulator.faults.replace([{ effect: { kind }, requests: 2 }]);
    await ask(`${token}&resource=https://${kind}.example`);
  }
  emulator.faults.replace([]);
  await emulator.rotateTokenFile();
  await ask(`${token}&resource=https://storage.azure.com`);
  await ask('http://127.0.0.1:18000/metadata/instance?api-version=2021-02-01');
  for (const path of ['livez', 'readyz?verbose', 'metrics', 'statusz?output=json']) {
    await ask(`http://127.0.0.1:19808/${path}`);
  }
  await run(['--proxy-port=18000', '--probe'], {});
  await run(['doctor', '--exchange', ...flags], env);
  await run(['doctor', '--bundle=-', ...flags], env);
  process.kill(tracer.pidOf(proxy), 'SIGTERM');
  await once(proxy, 'exit');
  await run(['--version'], {});
  await run([], {});
  await run([...flags, '--log-level=all'], {
    ...env,
    NODE_EXTRA_CA_CERTS: '/dev/zero',
    AZURE_TENANT_ID: '?',
  });
  metadata.close();
}

function readNames(): readonly string[] {
  const names = readdirSync(folder).flatMap((file) =>
    tracer.readNames(readFileSync(join(folder, file), 'latin1')),
  );
  return [...new Set(names)].toSorted();
}

const state = mkdtempSync(join(tmpdir(), 'imds-proxy-seccomp-state-'));
const emulator = await createEmulator({ stateDirectory: state });
try {
  await trace(emulator);
  const traced: TracedCalls = { node: tracer.node, calls: readNames() };
  const file = tracedFiles[root === undefined ? 'x64' : 'arm64'];
  writeFileSync(file, `${JSON.stringify(traced, null, 2)}\n`);
  writeProfile();
} finally {
  await emulator.stop();
  for (const each of [folder, state]) rmSync(each, { recursive: true, force: true });
}
