import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toOperation } from '../../../src/proxy/protocol/target.ts';

test.each([
  ['/metadata/identity/oauth2/token', 'token'],
  ['/metadata/identity/oauth2/token/', 'token'],
  ['//metadata//identity/oauth2///token//', 'token'],
  ['/METADATA/identity/oauth2/token', 'token'],
  ['/metadata/identity/oauth2/token/x', 'identity'],
  ['/metadata/identity/oauth2', 'identity'],
  ['/metadata/identity', 'identity'],
  ['/metadata/Identity/oauth2/token', 'identity'],
  ['/metadata/IDENTITY/info', 'identity'],
  ['/metadata/identity/issuecredential', 'identity'],
  ['/metadata/identity/getplatformmetadata', 'imds-v2'],
  ['/metadata/identity/getPlatformMetadata/', 'imds-v2'],
  ['/metadata/identity/getplatformmetadata/x', 'identity'],
  ['/readyz', 'readyz'],
  ['/readyz/', 'readyz'],
  ['/readyz/anything', 'readyz'],
  ['/ReadyZ', 'unknown'],
  ['/msi/token', 'app-service'],
  ['/MSI/token/', 'app-service'],
  ['//msi//token', 'app-service'],
  ['/msi/Token', 'unknown'],
  ['/msi/token/x', 'unknown'],
  ['/msi', 'unknown'],
  ['/msi/../msi/token', 'unknown'],
  ['/msi%2ftoken', 'unknown'],
  ['/metadata', 'unknown'],
  ['/metadata/', 'unknown'],
  ['/metadata/Instance', 'unknown'],
  ['/metadata/instancex', 'unknown'],
  ['/metadata/instance/../identity/oauth2/token', 'unknown'],
  ['/metadata/instance/..', 'unknown'],
  ['/metadata/instance/.', 'unknown'],
  ['/metadata/instance/%2e%2e/identity', 'unknown'],
  ['/metadata/instance\\..\\identity', 'unknown'],
  ['/metadata/instance;a=b', 'unknown'],
  ['', 'unknown'],
  ['/', 'unknown'],
  ['*', 'unknown'],
  ['metadata/identity/oauth2/token', 'unknown'],
])('%s is %s', (path, kind) => {
  expect(toOperation(path).kind).toBe(kind);
});

test.each([
  ['/metadata/instance', 'instance', '/metadata/instance'],
  ['//Metadata//instance/compute/', 'instance', '/metadata/instance/compute'],
  ['/metadata/instance/compute/tagsList/0/name', 'instance', undefined],
  ['/metadata/versions', 'versions', undefined],
  ['/metadata/scheduledevents', 'scheduledevents', undefined],
  ['/metadata/loadbalancer', 'loadbalancer', undefined],
  ['/metadata/attested/document', 'attested', undefined],
])('%s may be passed through as %s', (path, service, normalised) => {
  expect(toOperation(path)).toEqual({ kind: 'metadata', service, path: normalised ?? path });
});

/** Paths that are nearly right: real segments and traps in any order. */
const segment = fc.oneof(
  fc.constantFrom('metadata', 'Metadata', 'identity', 'Identity', 'oauth2', 'token', 'instance'),
  fc.constantFrom('attested', 'readyz', '', '.', '..', '%2e%2e', '%5c', '\\', 'token%00', ';x'),
  fc.string({ maxLength: 5 }),
);
const path = fc.array(segment, { maxLength: 8 }).map((segments) => `/${segments.join('/')}`);

test('T11, vector 65: only spellings of the token path are the token path', () => {
  fc.assert(
    fc.property(path, (candidate) => {
      const isToken = /^\/+metadata\/+identity\/+oauth2\/+token\/*$/.test(
        candidate.replace(/^(\/+)metadata/i, '$1metadata'),
      );
      expect(toOperation(candidate).kind === 'token').toBe(isToken);
    }),
    { numRuns: 1_000 },
  );
});

test('what may be forwarded never has a way to the identity endpoint', () => {
  fc.assert(
    fc.property(path, (candidate) => {
      const route = toOperation(candidate);
      if (route.kind !== 'metadata') return;
      expect(route.path).toMatch(
        /^\/metadata\/(instance|versions|scheduledevents|loadbalancer|attested)(\/[\w.~-]+)*$/,
      );
      expect(new URL(route.path, 'http://x').pathname).toBe(route.path);
    }),
    { numRuns: 1_000 },
  );
});

test('normalising a forwarded path again changes nothing', () => {
  fc.assert(
    fc.property(path, (candidate) => {
      const route = toOperation(candidate);
      if (route.kind === 'metadata') expect(toOperation(route.path)).toEqual(route);
    }),
  );
});
