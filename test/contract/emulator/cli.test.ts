import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EmulatorDescription } from '../../../src/emulator/api.ts';
import { type EmulatorView, requestToken } from '../../support/emulator-client.ts';

const program = join(import.meta.dirname, '../../../dist/emulator');

/** The built program as a child process, with all that it writes. */
interface Run {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
}

const running = new Set<ChildProcess>();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'emulator-cli-'));
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: directory },
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    });
  });
  return { child, stdout: () => stdout, stderr: () => stderr, exited };
}

async function readReady({ stdout, stderr, exited }: Run): Promise<EmulatorDescription> {
  const ended = exited.then((code) => {
    throw new Error(`ended with ${code} before it was ready: ${stderr()}`);
  });
  await Promise.race([ended, expect.poll(stdout, { timeout: 10_000 }).toMatch(/\n$/)]);
  return JSON.parse(stdout());
}

describe('the emulator as a program', () => {
  it('prints one line when it is ready, with all that a client needs', async () => {
    const process = run('serve', '--state-dir', join(directory, 'state'));
    const ready = await readReady(process);
    expect(ready).toMatchObject({
      ready: true,
      authorityHost: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      issuerUrl: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/$/),
      adminUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tenantId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      caFile: join(directory, 'state', 'ca.crt'),
      tokenFile: join(directory, 'state', 'token', 'azure-identity-token'),
      identities: [{ name: 'demo' }],
    });
    expect(process.stdout().trimEnd().split('\n')).toHaveLength(1);
    process.child.kill('SIGTERM');
    expect(await process.exited).toBe(0);
    expect(process.stderr()).toBe('');
    expect(existsSync(ready.tokenFile)).toBe(true);
  });

  it.each([
    ['SIGTERM', 'its temporary directory', []],
    ['SIGINT', 'its temporary directory', []],
    ['SIGTERM', 'an ephemeral state directory', ['--ephemeral', '--state-dir', 'STATE']],
  ] as const)('ends on %s and removes %s', async (signal, _, flags) => {
    const process = run(...flags.map((flag) => flag.replace('STATE', join(directory, 'state'))));
    const ready = await readReady(process);
    expect(existsSync(ready.caFile)).toBe(true);
    process.child.kill(signal);
    expect(await process.exited).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  it('ends while a request hangs', async () => {
    const process = run('--ephemeral');
    const ready = await readReady(process);
    const admin = await fetch(`${ready.adminUrl}/faults`, {
      method: 'PUT',
      body: '{"kind":"hang"}',
    });
    expect(admin.status).toBe(200);
    const caPem = await readFile(ready.caFile, 'utf8');
    const hanging = requestToken(toView(ready, caPem));
    await expect.poll(async () => (await fetchJournal(ready.adminUrl)).length).toBe(1);
    process.child.kill('SIGTERM');
    expect(await process.exited).toBe(0);
    // The connection ended, without a byte of an answer.
    expect((await hanging).status).toBeNaN();
  });

  it('issues tokens to the identities of its flags, and logs requests when told to', async () => {
    const process = run(
      ...['--ephemeral', '--log-requests', '--token-lifetime', '7201'],
      ...['--service-account', 'shop/cart', '--tenant-id', '11111111-1111-4111-8111-111111111111'],
      ...['--identity', 'name=cart', '--identity', 'name=other,subject=x'],
    );
    const ready = await readReady(process);
    const client = toView(ready, await readFile(ready.caFile, 'utf8'));
    const { status, body } = await requestToken(client);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ expires_in: 7201, refresh_in: 3600 });
    const refused = await requestToken(client, { clientId: ready.identities[1]?.clientId ?? '' });
    expect(JSON.parse(refused.body)).toMatchObject({ error_codes: [700213] });
    process.child.kill('SIGTERM');
    await process.exited;
    const lines = process.stderr().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { clientId: ready.identities[0]?.clientId, outcome: { status: 200 } },
      { clientId: ready.identities[1]?.clientId, outcome: { status: 401, aadsts: 700213 } },
    ]);
    expect(process.stderr()).not.toContain('eyJ');
  });

  it.each([
    [['--bogus'], 2, "emulator: Unknown option '--bogus'"],
    [['run'], 2, 'emulator: "run" is not a command'],
    [['--tenant-port', 'x'], 2, 'emulator: --tenant-port: the value must be a whole number'],
    [['--issuer-url', 'http://x'], 2, "emulator: the issuer's URL must be https"],
    [['--host', '203.0.113.1'], 1, 'emulator: the issuer cannot listen on 203.0.113.1:0'],
  ])('%j ends with %i and a reason', async (args, code, message) => {
    const process = run(...args);
    expect(await process.exited).toBe(code);
    expect(process.stdout()).toBe('');
    expect(process.stderr()).toContain(message);
    expect(process.stderr().includes('Run `emulator --help` for all flags.')).toBe(code === 2);
    expect(await readdir(directory)).toEqual([]);
  });

  it('has help and a version', async () => {
    const help = run('--help');
    expect(await help.exited).toBe(0);
    expect(help.stdout()).toMatch(/^Usage: emulator \[serve\] \[flags\]\n/);
    const version = run('--version');
    expect(await version.exited).toBe(0);
    expect(JSON.parse(version.stdout())).toMatchObject({ name: 'emulator' });
  });
});

/** The emulator as a client of another process sees it: the assertion comes from the file. */
function toView(ready: EmulatorDescription, caPem: string): EmulatorView {
  return {
    ...ready,
    caPem,
    identities: { list: () => ready.identities },
    mintAssertion: () => readFile(ready.tokenFile, 'utf8'),
  };
}

async function fetchJournal(adminUrl: string): Promise<readonly unknown[]> {
  return (await fetch(`${adminUrl}/journal`)).json() as Promise<readonly unknown[]>;
}
