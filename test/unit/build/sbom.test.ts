import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, it } from 'vitest';
import { renderSbom, type SbomInput } from '../../../build/sbom.ts';

const libc = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u13
Description: GNU C Library
 Version: of no package
`;
const input: SbomInput = {
  name: 'proxy',
  version: '0.1.0',
  date: '2026-11-29T00:00:00.000Z',
  node: { node: '26.10.0', v8: '14.6.202.34-node.34', openssl: '3.5.8', nghttp3: '', modules: '1' },
  debian: [libc, libc.replace('libc6', 'libstdc++6')],
  npm: [
    { name: '@azure/msal-node', version: '7.2.1', license: 'MIT' },
    { name: 'tool', version: '1.0.0', license: '(MIT OR Apache-2.0)' },
  ],
};

describe('the bill of materials', () => {
  it('is valid CycloneDX', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(renderSbom(input))).toBeNull();
    expect(await validator.validate(renderSbom(input).replace('"library"', '"libary"'))).not.toBe(
      null,
    );
  });

  it('names everything by its package URL', () => {
    expect(
      renderSbom(input)
        .match(/(?<="purl": ").*(?=")/g)
        ?.sort(),
    ).toEqual([
      'pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12',
      'pkg:deb/debian/libstdc%2B%2B6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12',
      'pkg:generic/node@26.10.0',
      'pkg:generic/openssl@3.5.8',
      'pkg:generic/v8@14.6.202.34-node.34',
      'pkg:npm/%40azure/msal-node@7.2.1',
      'pkg:npm/tool@1.0.0',
    ]);
  });

  it('is the same for any order of the packages', () => {
    const reversed = { ...input, debian: input.debian.toReversed(), npm: input.npm.toReversed() };
    expect(renderSbom(reversed)).toBe(renderSbom(input));
  });

  it('refuses a record without a version', () => {
    const debian = [libc.replaceAll('Version:', 'Vision:')];
    expect(() => renderSbom({ ...input, debian })).toThrow("dpkg's record has no Version:");
  });
});
