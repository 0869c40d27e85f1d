import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkAssertionFiles, toAssertionFiles } from '../../../src/proxy/assertion-files.ts';
import type { ConfiguredIdentity } from '../../../src/proxy/config/options-identity.ts';

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assertion-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writeToken(text: string): string {
  const path = join(makeFolder(), 'token');
  writeFileSync(path, text);
  return path;
}

const look = (...paths: string[]): ReturnType<typeof checkAssertionFiles> =>
  checkAssertionFiles(paths.map((path) => ({ path, setting: 'AZURE_FEDERATED_TOKEN_FILE' })));

describe('a look at the token files', () => {
  test('finds nothing wrong with a file that holds something', async () => {
    expect(await look(writeToken('a.b.c\n'))).toEqual({ canPresent: true, fault: undefined });
  });

  test.each([
    ['an empty file', () => writeToken(' \n'), 'is empty'],
    ['no file', () => join(makeFolder(), 'none'), 'does not exist'],
    ['a directory', () => makeFolder(), 'is a directory'],
    ['a device', () => '/dev/null', 'is neither a file nor a directory'],
    [
      'a pipe that nobody writes to',
      () => {
        const path = join(makeFolder(), 'pipe');
        execFileSync('mkfifo', [path]);
        return path;
      },
      'is neither a file nor a directory',
    ],
    [
      'a huge file',
      () => {
        const path = writeToken('x');
        truncateSync(path, 1_000_000_000);
        return path;
      },
      'has more than 64 KiB',
    ],
  ])('finds %s', async (_name, make, is) => {
    const fault = `the file of AZURE_FEDERATED_TOKEN_FILE ${is}`;
    expect(await look(make())).toEqual({ canPresent: false, fault });
  });

  test('finds that one of several is there', async () => {
    const fault = 'the file of AZURE_FEDERATED_TOKEN_FILE does not exist';
    const none = join(makeFolder(), 'none');
    expect(await look(none, writeToken('a.b.c'))).toEqual({ canPresent: true, fault });
  });
});

test('the files to look at are those of the configuration, each once', () => {
  const toEntry = (clientId: string, tokenFile?: string): ConfiguredIdentity => ({
    clientId,
    tokenFile,
    tenantId: undefined,
    objectId: undefined,
    resourceId: undefined,
    mode: undefined,
  });
  const identities = [
    toEntry('a'),
    toEntry('b', '/own'),
    toEntry('c', '/own'),
    toEntry('d', '/usual'),
  ];
  expect(toAssertionFiles({ federatedTokenFile: '/usual', identities })).toEqual([
    { path: '/usual', setting: 'AZURE_FEDERATED_TOKEN_FILE' },
    { path: '/own', setting: 'a tokenFile in IMDS_PROXY_IDENTITIES' },
  ]);
});
