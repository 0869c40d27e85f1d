import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listVersionedFiles, nameVersion, version } from '../../../build/version.ts';

const root = join(import.meta.dirname, '../../..');

describe('the version', () => {
  it.each(listVersionedFiles())('in %s is that of package.json', (path) => {
    const text = readFileSync(join(root, path), 'utf8');
    expect(text).toBe(nameVersion(text));
  });

  it.each([
    ['image: registry.example/imds-proxy/proxy:9.8.7', version],
    ['--init-image=<REGISTRY>/proxy-init:9.8.7-rc.1 \\', `${version} \\`],
    ['    newTag: 9.8.7', version],
    ['VERSION=9.8.7\ncosign', `${version}\ncosign`],
    ['helm install --version=9.8.7 --namespace=x', `${version} --namespace=x`],
    ['./dist/workload-identity-imds-proxy-9.8.7.tgz inject', `${version}.tgz inject`],
  ])('is found in %s', (text, rest) => {
    expect(nameVersion(text)).toBe(`${text.slice(0, text.indexOf('9.8.7'))}${rest}`);
  });

  it.each([
    'node:26.10.0',
    'azure-workload-identity 1.6.0',
    'image: registry.example/mcp-proxy:1.2.3',
  ])('of others is left alone: %s', (text) => {
    expect(nameVersion(text)).toBe(text);
  });
});
