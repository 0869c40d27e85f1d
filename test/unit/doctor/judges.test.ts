import { describe, expect, test } from 'vitest';
import { parseSocketTable } from '../../../src/doctor/network/sockets.ts';
import { toReceiver } from '../../../src/doctor/network/trace.ts';
import { judgeClock, judgeTenant } from '../../../src/doctor/sidecar/answer-checks.ts';
import {
  judgeKills,
  judgeMemoryLimit,
  judgeStart,
} from '../../../src/doctor/sidecar/capacity-checks.ts';
import { judgeNodeMetadata } from '../../../src/doctor/sidecar/node-metadata.ts';

const facts = {
  memoryLimitBytes: undefined,
  memoryPeakBytes: undefined,
  oomKills: undefined,
  throttledShare: undefined,
};

describe('the table of sockets', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1501        0 77 1
   1: 0100007F:1F40 02004D0A:C001 01 00000000:00000000 00:00000000 00000000     0        0 0 1
   2: 02004D0A:C001 FEA9FEA9:0050 01 00000000:00000000 00:00000000 00000000  1000        0 78 1
   3: 0000000000000000FFFF00000100007F:2328 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 79 1`;

  test('has addresses, ports, users and listeners', () => {
    const rows = parseSocketTable(table);
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatchObject({
      localAddress: '127.0.0.1',
      localPort: 8000,
      isListening: true,
      uid: 1501,
    });
    expect(rows[2]).toMatchObject({ remoteAddress: '169.254.169.254', remotePort: 80 });
    expect(rows[3]).toMatchObject({
      localAddress: '127.0.0.1',
      localPort: 9000,
      isListening: true,
    });
  });

  test('shows where a redirected connection came out', () => {
    const rows = parseSocketTable(table);
    expect(toReceiver(rows, '10.77.0.2', 0xc001)).toEqual({ port: 8000, uid: 1501 });
    expect(toReceiver(rows, '::ffff:10.77.0.2', 0xc001)).toEqual({ port: 8000, uid: 1501 });
    expect(toReceiver(rows, '10.77.0.2', 0xc002)).toBeUndefined();
  });
});

describe('memory and restarts', () => {
  test.each([
    [64, 'fail'],
    [128, 'ok'],
  ])('a limit of %i MiB: %s', (mib, status) => {
    expect(judgeMemoryLimit({ ...facts, memoryLimitBytes: mib * 1_048_576 }).status).toBe(status);
  });

  test('every OOM kill is a failure', () => {
    expect(judgeKills({ ...facts, oomKills: 0 }).status).toBe('ok');
    expect(judgeKills({ ...facts, oomKills: 2 })).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('128Mi'),
    });
    expect(judgeKills(facts).status).toBe('skip');
  });

  test('a proxy that is much younger than its pod was probably restarted', () => {
    expect(judgeStart(1_100, 1_000, 5_000).status).toBe('ok');
    expect(judgeStart(9_000, 1_000, 9_500).status).toBe('warn');
  });
});

describe('the tenant', () => {
  const tenantId = '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22';
  const judge = (authorityHost: string, cloud: string) =>
    judgeTenant(
      {
        status: 200,
        text: JSON.stringify({ token_endpoint: 'https://x', cloud_instance_name: cloud }),
      },
      { authorityHost, tenantId },
    ).status;

  test.each([
    ['https://login.microsoftonline.com', 'microsoftonline.com', 'ok'],
    ['https://login.windows.net', 'microsoftonline.com', 'ok'],
    ['https://westeurope.login.microsoft.com', 'microsoftonline.com', 'ok'],
    ['https://login.chinacloudapi.cn', 'partner.microsoftonline.cn', 'ok'],
    ['https://login.microsoftonline.com', 'microsoftonline.us', 'fail'],
    ['https://login.microsoftonline.us', 'microsoftonline.com', 'fail'],
  ])('%s and a tenant of %s: %s', (host, cloud, status) => {
    expect(judge(host, cloud)).toBe(status);
  });

  test('a login page in place of Entra is shown by its beginning', () => {
    const finding = judgeTenant(
      { status: 200, text: '<html>Please log in' },
      { authorityHost: 'https://login.microsoftonline.com', tenantId },
    );
    expect(finding).toMatchObject({
      status: 'fail',
      evidence: { 'the answer starts': '<html>Please log in' },
    });
  });
});

describe('the clock', () => {
  const atMs = Date.UTC(2026, 0, 1);
  const judge = (offMs: number) =>
    judgeClock(
      {
        status: 200,
        text: '',
        headers: { date: new Date(atMs + offMs).toUTCString() },
        sentAtMs: atMs,
        receivedAtMs: atMs + 50,
      },
      'login',
    ).status;

  test.each([
    [0, 'ok'],
    [20_000, 'ok'],
    [90_000, 'warn'],
    [-90_000, 'warn'],
    [600_000, 'fail'],
    [-600_000, 'fail'],
  ])('off by %i ms: %s', (offMs, status) => {
    expect(judge(offMs)).toBe(status);
  });
});

describe('the metadata service of the node', () => {
  const config = {
    passthrough: 'instance',
    proxyPort: 8000,
    metadataEndpoint: { address: '169.254.169.254', port: 80 },
  } as const;
  const connected = (port?: number) =>
    ({
      kind: 'connected',
      receiver: port === undefined ? undefined : { port, uid: 1337 },
      answer: undefined,
    }) as const;

  test('a proxy whose own connections come back runs as the wrong user', () => {
    expect(judgeNodeMetadata(connected(8000), config, 2000)).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('set PROXY_UID and PROXY_GID of proxy-init to 2000'),
    });
  });

  test('another program in between is named by its port', () => {
    expect(judgeNodeMetadata(connected(15_001), config, 1501)).toMatchObject({
      status: 'fail',
      summary: '169.254.169.254:80 leads to port 15001 of this pod',
    });
  });

  test('without pass-through, another program in between does no harm', () => {
    const off = { ...config, passthrough: 'off' as const };
    expect(judgeNodeMetadata(connected(15_001), off, 1501).status).toBe('ok');
  });

  test('without pass-through, an exemption that nobody needs is a warning', () => {
    expect(judgeNodeMetadata(connected(), config, 1501).status).toBe('ok');
    expect(judgeNodeMetadata(connected(), { ...config, passthrough: 'off' }, 1501)).toMatchObject({
      status: 'warn',
      fix: expect.stringContaining('INIT_EXEMPT=none'),
    });
  });
});
