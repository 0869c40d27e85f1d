import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { findPeculiarities, readRecording } from '../lab/requests-table.ts';

const record = (line: string, ...headers: readonly string[]) => ({
  scenarios: [],
  request: [`GET /metadata/identity/oauth2/token?${line} HTTP/1.1`, ...headers],
  statuses: [200],
});

test('an ordinary request has nothing peculiar', () => {
  const request = record('resource=x&client_id=y', 'Metadata: true', 'User-Agent: z');
  expect(findPeculiarities([request])).toEqual({
    selectors: ['client_id'],
    isIdentityFirst: false,
    hasProbe: false,
    hasLowerCaseHeaders: false,
    hasUserAgent: true,
  });
});

test('each peculiarity is seen', () => {
  const requests = [record('mi_res_id=y&resource=x', 'metadata: true'), record('', 'Host: x')];
  expect(findPeculiarities(requests)).toEqual({
    selectors: ['mi_res_id'],
    isIdentityFirst: true,
    hasProbe: true,
    hasLowerCaseHeaders: true,
    hasUserAgent: false,
  });
});

/** What the proxy's answers take into account: a new version of a client that differs makes somebody look. */
test.each([
  [
    'dotnet-azure-identity-1.13',
    { hasProbe: true, selectors: ['client_id', 'object_id', 'mi_res_id'] },
  ],
  [
    'dotnet-azure-identity-1.15',
    { hasProbe: true, selectors: ['client_id', 'object_id', 'msi_res_id'] },
  ],
  [
    'dotnet-azure-identity-1.14',
    { hasProbe: true, selectors: ['client_id', 'object_id', 'msi_res_id'] },
  ],
  ['dotnet-azure-mcp-1.0', { hasProbe: false, hasUserAgent: true }],
  ['dotnet-azure-mcp-2.0', { hasProbe: true, hasUserAgent: true }],
  ['dotnet-azure-mcp-3.0', { hasProbe: true, hasUserAgent: true }],
  ['rust-opendal-0.47', { hasLowerCaseHeaders: true, hasUserAgent: false }],
  ['cpp-pyarrow-26.0', { hasLowerCaseHeaders: true, isIdentityFirst: true, hasProbe: false }],
  ['cpp-gdal-3.6-debian', { hasUserAgent: false }],
  ['cpp-odbc-18.6', { selectors: ['object_id'] }],
])('%s', (id, expected) => {
  const client = clients.find((one) => one.id === id);
  if (client === undefined) throw new Error(`the catalogue has no ${id}`);
  expect(findPeculiarities(readRecording(client))).toMatchObject(expected);
});
