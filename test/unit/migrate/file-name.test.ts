import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toFileName } from '../../../src/migrate/files/file-name.ts';

describe('the name of a file for an object', () => {
  it.each(['web', 'web-1', 'a.b.example', '9'])('is the name of the object: %s', (name) => {
    expect(toFileName(name)).toBe(name);
  });

  it.each([
    '..',
    '.',
    '../../etc/passwd',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '',
    '.hidden',
    'a..b',
    'con',
    'nul.yaml',
    'COM1',
    'Web',
    'a b',
    'a\nb',
    'a\0b',
    '-rf',
    'system:node',
    'ünïcode',
    'x'.repeat(253),
  ])('is safe for %j', (name) => {
    const file = toFileName(name);
    expect(file).toMatch(/^[a-z0-9][a-z0-9.-]*-[0-9a-f]{12}$/);
    expect(file).not.toContain('..');
    expect(file.length).toBeLessThanOrEqual(93);
  });

  it('differs for two names that differ in anything, case included', () => {
    const names = fc.string({
      unit: fc.constantFrom(...'abAB019.-_/\\ :\n\0ü\u202e'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(names, names, (one, other) => {
        fc.pre(one !== other);
        expect(toFileName(one).toLowerCase()).not.toBe(toFileName(other).toLowerCase());
      }),
    );
    expect(toFileName('Web')).not.toBe(toFileName('web'));
    expect(toFileName('a/b')).not.toBe(toFileName('a-b'));
  });
});
