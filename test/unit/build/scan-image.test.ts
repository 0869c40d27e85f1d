import { describe, expect, it } from 'vitest';
import {
  findImageFaults,
  type ImageConfig,
  imageRules,
  parseTarList,
} from '../../../build/release/scan-image.ts';

/** What `tar --list --verbose --numeric-owner` prints of an image that may be released. */
const listing = `\
drwxr-xr-x 0/0               0 1970-01-01 00:00 app/
-rwxr-xr-x 0/0           12922 1970-01-01 00:00 app/proxy
lrwxrwxrwx 0/0               0 1970-01-01 00:00 bin -> usr/bin
-rw-r--r-- 0/0          216000 1970-01-01 00:00 etc/ssl/certs/ca-certificates.crt
lrwxrwxrwx 0/0               0 1970-01-01 00:00 proxy -> app/proxy
drwxr-xr-x 0/0               0 1970-01-01 00:00 usr/bin/
-rwxr-xr-x 0/0       110000000 1970-01-01 00:00 usr/local/bin/node
-rw-r--r-- 0/0               1 1970-01-01 00:00 usr/share/doc/node/copyright
-rw-r--r-- 0/0               1 1970-01-01 00:00 usr/share/doc/workload-identity-imds-proxy/LICENSE
-rw-r--r-- 0/0               1 1970-01-01 00:00 usr/share/doc/workload-identity-imds-proxy/THIRD-PARTY-NOTICES
-rw-r--r-- 0/0               1 1970-01-01 00:00 usr/share/doc/workload-identity-imds-proxy/sbom.cdx.json
-rw-r--r-- 0/0               1 1970-01-01 00:00 var/lib/dpkg/status.d/ca-certificates
-rw-r--r-- 0/0               1 1970-01-01 00:00 var/lib/dpkg/status.d/libc6
`;
const passwd = `root:x:0:0:root:/:/none
nonroot:x:65532:65532::/:/none
proxy:x:1501:1501::/:/none
`;
const config: ImageConfig = {
  User: '1501:1501',
  Entrypoint: ['/proxy'],
  Env: ['PATH=/usr/bin', 'NODE_OPTIONS=--a=b', 'MALLOC_ARENA_MAX=1', 'MALLOC_TRIM_THRESHOLD_=1'],
};

const scan = (more = '', changed: Partial<ImageConfig> = {}, users = passwd): readonly string[] =>
  findImageFaults(
    imageRules.proxy,
    parseTarList(`${listing}${more}`),
    { ...config, ...changed },
    users,
  );

describe('the scan of an image', () => {
  it('finds nothing in an image that may be released', () => {
    expect(scan()).toEqual([]);
  });

  it.each([
    ['-rwsr-xr-x 0/0 1 1970-01-01 00:00 app/x', '/app/x: runs as its owner or group (-rwsr-xr-x)'],
    ['-rwxr-sr-x 0/0 1 1970-01-01 00:00 app/x', '/app/x: runs as its owner or group (-rwxr-sr-x)'],
    ['-rw-rw-r-- 0/0 1 1970-01-01 00:00 app/x', '/app/x: writable by others (-rw-rw-r--)'],
    ['drwxrwxrwt 0/0 0 1970-01-01 00:00 app/t/', '/app/t/: writable by others (drwxrwxrwt)'],
    ['-rw-r--r-- 1501/1501 1 1970-01-01 00:00 app/x y', '/app/x y: owned by 1501/1501'],
    ['crw-r--r-- 0/0 1,3 1970-01-01 00:00 app/null', '/app/null: not a file (crw-r--r--)'],
    ['hrw-r--r-- 0/0 0 1970-01-01 00:00 app/x link to app/y', '/app/x: not a file (hrw-r--r--)'],
    ['-rwxr-xr-x 0/0 1 1970-01-01 00:00 usr/bin/sh', 'program sh: unexpected'],
    ['lrwxrwxrwx 0/0 0 1970-01-01 00:00 usr/sbin/ip -> x', 'program ip: unexpected'],
    ['drwx------ 0/0 0 1970-01-01 00:00 root/', '/root/: unexpected at the root'],
    ['-rw-r--r-- 0/0 1 1970-01-01 00:00 ./root/.npmrc', '/root/.npmrc: unexpected at the root'],
  ])('finds %s', (line, fault) => {
    expect(scan(`${line}\n`)).toEqual([fault]);
  });

  it.each<[Partial<ImageConfig>, string]>([
    [{ User: 'root' }, 'user: root, not 1501:1501'],
    [{ User: '' }, 'user: , not 1501:1501'],
    [{ Entrypoint: ['/bin/sh', '-c'] }, 'entrypoint: /bin/sh -c, not /proxy'],
    [{ Entrypoint: null }, 'entrypoint: , not /proxy'],
    [{ Volumes: { '/data': {} } }, 'volume: /data; an image writes nowhere'],
    [{ Env: [...(config.Env ?? []), 'NPM_TOKEN=x'] }, 'variable NPM_TOKEN: unexpected'],
    [{ Env: config.Env?.slice(0, 3) ?? [] }, 'variable MALLOC_TRIM_THRESHOLD_: missing'],
  ])('finds %j', (changed, fault) => {
    expect(scan('', changed)).toEqual([fault]);
  });

  it('finds a user that is not expected, and one that could log in', () => {
    expect(scan('', {}, `${passwd}app:x:1000:1000::/home/app:/bin/sh\n`)).toEqual([
      'user app: unexpected',
      'app:x:1000:1000::/home/app:/bin/sh: has a shell',
    ]);
  });

  it('finds missing files and programs', () => {
    const files = parseTarList(listing).filter(({ path }) => !/sbom|node$/.test(path));
    expect(findImageFaults(imageRules.proxy, files, config, passwd)).toEqual([
      '/usr/share/doc/workload-identity-imds-proxy/sbom.cdx.json: missing',
      'program node: missing',
    ]);
  });

  it('refuses a line that it cannot read', () => {
    expect(() => parseTarList('tar: Removing leading `/`\n')).toThrow("not a line of tar's list");
  });
});
