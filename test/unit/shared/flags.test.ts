import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FlagScan, scanFlags } from '../../../src/shared/flags.ts';

const table = {
  port: { flag: 'port', type: {} },
  level: { flag: 'level', type: {} },
  quiet: { flag: 'quiet', type: { standsAlone: true } },
  loud: { flag: 'loud', type: { standsAlone: true } },
  envOnly: { type: {} },
} as const;

function texts(scan: FlagScan): Record<string, string> | undefined {
  return scan.kind === 'flags' ? Object.fromEntries(scan.texts) : undefined;
}

describe("reads flags as Go's flag package does", () => {
  test.each([
    ['--port=1', { port: '1' }],
    ['-port=1', { port: '1' }],
    ['--port 1', { port: '1' }],
    ['-port 1', { port: '1' }],
    ['--port= ', { port: '' }],
    ['--level=', { level: '' }],
    ['--level=a=b', { level: 'a=b' }],
    ['--level --quiet', { level: '--quiet' }],
    ['--level -- --quiet', { level: '--', quiet: 'true' }],
    ['--quiet', { quiet: 'true' }],
    ['-quiet=false', { quiet: 'false' }],
    ['--quiet=maybe', { quiet: 'maybe' }],
    ['--quiet --loud', { quiet: 'true', loud: 'true' }],
    ['--port=1 --port=2', { port: '2' }],
    ['', {}],
  ])('%s', (commandLine, expected) => {
    const argv = commandLine.split(' ').filter((argument) => argument !== '');
    expect(texts(scanFlags(table, argv))).toEqual(expected);
  });

  test.each([
    { argv: ['--quiet', 'x', '--port=1'], rest: ['x', '--port=1'] },
    { argv: ['--quiet', '--', '--port=1'], rest: ['--port=1'] },
    { argv: ['-', '--port=1'], rest: ['-', '--port=1'] },
    { argv: ['--quiet', 'true'], rest: ['true'] },
    { argv: ['', '--port=1'], rest: ['', '--port=1'] },
  ])('$argv ends the flags', ({ argv, rest }) => {
    expect(scanFlags(table, argv)).toMatchObject({ kind: 'flags', rest });
  });

  test.each(['-h', '--h', '-help', '--help'])('%s asks for help', (flag) => {
    expect(scanFlags(table, ['--port=1', flag, '--unknown'])).toEqual({ kind: 'help' });
  });

  test.each([
    { argv: ['--unknown'], error: 'unknown flag --unknown' },
    { argv: ['--unknown=secret'], error: 'unknown flag --unknown' },
    { argv: ['--envOnly=1'], error: 'unknown flag --envOnly' },
    { argv: ['--PORT=1'], error: 'unknown flag --PORT; did you mean --port?' },
    { argv: ['--port'], error: '--port needs a value' },
    { argv: ['---port=1'], error: '"---port=1" is not a flag' },
    { argv: ['--=1'], error: '"--=1" is not a flag' },
    { argv: ['-=1'], error: '"-=1" is not a flag' },
  ])('$argv is a usage error', ({ argv, error }) => {
    expect(scanFlags(table, argv)).toEqual({ kind: 'usage', error });
  });

  test.each([
    { argv: ['--nope', '--port=1'], texts: { port: '1' }, rest: [] },
    { argv: ['--nope=x', '--port', '1', 'y'], texts: { port: '1' }, rest: ['y'] },
    { argv: ['--nope', 'x', '--quiet'], texts: { quiet: 'true' }, rest: [] },
    { argv: ['--quiet', '--nope'], texts: { quiet: 'true' }, rest: [] },
    { argv: ['--nope', '--', 'x'], texts: {}, rest: ['x'] },
  ])('$argv, skipping unknown flags', ({ argv, texts: expected, rest }) => {
    const scan = scanFlags(table, argv, { unknown: 'skip' });
    expect(scan).toMatchObject({ kind: 'flags', rest });
    expect(texts(scan)).toEqual(expected);
  });

  test('a flag named help is the program’s own', () => {
    const scan = scanFlags({ help: { flag: 'help', type: { standsAlone: true } } }, ['--help']);
    expect(texts(scan)).toEqual({ help: 'true' });
  });

  test('property: the values written are the values read, in whatever style', () => {
    const value = fc.string();
    const written = fc.oneof(
      fc.record({ key: fc.constantFrom('port', 'level'), value, style: fc.constantFrom('=', ' ') }),
      fc.record({ key: fc.constantFrom('quiet', 'loud'), value, style: fc.constantFrom('=', '') }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(written, fc.constantFrom('-', '--'))),
        fc.array(fc.string(), { maxLength: 3 }),
        (flags, rest) => {
          const argv: string[] = [];
          const expected: Record<string, string> = {};
          for (const [{ key, value: text, style }, dashes] of flags) {
            if (style === '=') argv.push(`${dashes}${key}=${text}`);
            else argv.push(`${dashes}${key}`, ...(style === ' ' ? [text] : []));
            expected[key] = style === '' ? 'true' : text;
          }
          const scan = scanFlags(table, [...argv, '--', ...rest]);
          expect(texts(scan)).toEqual(expected);
          expect(scan).toMatchObject({ rest });
        },
      ),
    );
  });

  test('property: no command line makes it throw or read on after its end', () => {
    const argument = fc.oneof(
      fc.string(),
      fc.constantFrom('-', '--', '---', '--port', '--quiet', '-h'),
      fc.string().map((text) => `--${text}`),
    );
    fc.assert(
      fc.property(fc.array(argument), (argv) => {
        const scan = scanFlags(table, argv);
        if (scan.kind === 'flags')
          expect(argv.slice(argv.length - scan.rest.length)).toEqual(scan.rest);
      }),
    );
  });
});
