import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dist, findFreePort } from '../../support/proxy-process.ts';

/** For longer than any of the programs takes to install its own signal handlers. */
const signalledMs = 500;

/** Whether a process has a socket that listens on the debugger's port. */
function hasDebugger(pid: number): boolean {
  const listening = ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n'))
    .filter((line) => /:240D .* 0A /.test(line))
    .map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`);
  const own = readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`/proc/${pid}/fd/${fd}`));
  return own.some((target) => listening.includes(target));
}

/** Empty if it has been closed meanwhile. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const env = {
  PATH: process.env['PATH'],
  AZURE_TENANT_ID: '72f988bf-86f1-41af-91ab-2d7cd011db47',
  AZURE_CLIENT_ID: 'aaaaaaaa-0000-4000-8000-00000000000a',
  AZURE_FEDERATED_TOKEN_FILE: '/no/such/file',
};

test.each([
  ['proxy', ['--admin-port=0', '--passthrough=off']],
  ['proxy', ['--probe']],
  ['proxy', ['--version']],
  ['proxy', ['inject', '--help']],
  ['proxy-init', ['--version']],
  ['proxy-init', ['print']],
  ['emulator', ['--help']],
  ['emulator', []],
])('no SIGUSR1 from the exec on makes %s %j open a debugger', async (program, args) => {
  for (let round = 0; round < 4; round += 1) {
    const port = await findFreePort();
    const own = program === 'proxy' && args[0]?.startsWith('--') ? [`--proxy-port=${port}`] : [];
    const child = spawn(join(dist, program), [...args, ...own], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    const exited = once(child, 'exit');
    // The four rounds begin at different moments of the start.
    await new Promise((resolve) => setTimeout(resolve, round * 10));
    const timer = setInterval(() => child.kill('SIGUSR1'), 3);
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, signalledMs))]);
    clearInterval(timer);
    if (child.exitCode === null && child.signalCode === null) {
      expect(hasDebugger(child.pid ?? 0)).toBe(false);
    }
    expect(output).not.toMatch(/debugger|inspector/i);
    child.kill('SIGKILL');
    await exited;
  }
});
