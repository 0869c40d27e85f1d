import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCompany } from '../../../src/proxy/process/pod-sockets.ts';

const ipHeading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const unixHeading = 'Num       RefCount Protocol Flags    Type St Inode Path';

/** A line of `/proc/net/tcp` as Linux 6 writes it; `01` is an established connection, `06` TIME_WAIT. */
function ipLine(uid: number, inode: number, state = '01'): string {
  return `   0: 0100007F:1F40 0100007F:C350 ${state} 00000000:00000000 00:00000000 00000000 ${`${uid}`.padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
}

function unixLine(inode: number): string {
  return `00000000083a58b1: 00000002 00000000 00010000 0001 01 ${inode} /tmp/dotnet-diagnostic-1-7-socket`;
}

describe('the sockets of a pod', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pod-sockets-'));
    await mkdir(join(root, 'self/net'), { recursive: true });
    await mkdir(join(root, 'self/fd'));
    await symlink('socket:[100]', join(root, 'self/fd/17'));
    await symlink('/dev/null', join(root, 'self/fd/0'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const write = (name: string, ...lines: string[]): Promise<void> =>
    writeFile(
      join(root, 'self/net', name),
      `${[name === 'unix' ? unixHeading : ipHeading, ...lines].join('\n')}\n`,
    );
  const find = () => findCompany({ root, pid: 'self' });

  test.each([
    ['no socket at all', [], 'nobody'],
    ['a connection of another user', [ipLine(1000, 200)], 'somebody'],
    ['a connection of the same user in another process', [ipLine(1501, 200)], 'somebody'],
    ['its own socket', [ipLine(1501, 100)], 'nobody'],
    ['a connection in TIME_WAIT, which no process holds', [ipLine(0, 0, '06')], 'nobody'],
    ["the sockets of Istio's proxy", [ipLine(1337, 300), ipLine(1337, 301)], 'nobody'],
    ["the sockets of Linkerd's proxy", [ipLine(2102, 300)], 'nobody'],
    [
      "the DNS server of Docker's engine",
      [ipLine(0, 300, '0A').replace('0100007F:1F40', '0B00007F:A8F7')],
      'nobody',
    ],
    ['an application beside a mesh proxy', [ipLine(1337, 300), ipLine(0, 301)], 'somebody'],
  ])('%s: %s means %s', async (_, lines, company) => {
    await write('tcp', ...lines);
    expect(await find()).toBe(company);
  });

  test.each(['tcp6', 'udp', 'udp6', 'raw', 'raw6'])('%s counts as well', async (name) => {
    await write('tcp');
    await write(name, ipLine(1000, 200));
    expect(await find()).toBe('somebody');
  });

  test('a Unix socket counts as well, unless it is its own', async () => {
    await write('tcp');
    await write('unix', unixLine(100));
    expect(await find()).toBe('nobody');
    await write('unix', unixLine(100), unixLine(200));
    expect(await find()).toBe('somebody');
  });

  test('is unknown where the kernel shows no tables, or not the own descriptors', async () => {
    expect(await find()).toBe('unknown');
    await write('tcp', ipLine(1000, 200));
    await rm(join(root, 'self/fd'), { recursive: true });
    expect(await find()).toBe('unknown');
  });

  test('a table longer than 1 MiB is not read to its end and means somebody', async () => {
    await write('tcp', ...Array.from({ length: 12_000 }, () => ipLine(1501, 100)));
    expect(await find()).toBe('somebody');
  });
});

test('sees the listener of another process on this machine', async () => {
  const program =
    "require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('listening'))";
  const child: ChildProcess = spawn(process.execPath, ['-e', program]);
  try {
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(await findCompany({ root: '/proc', pid: 'self' })).toBe('somebody');
  } finally {
    child.kill('SIGKILL');
  }
});
