import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OptionTable, ValueType } from '../../../src/shared/option-table.ts';
import { booleanValue, portValue, textValue } from '../../../src/shared/option-values.ts';
import {
  isComplete,
  type ParsedOptions,
  parseOptions,
  resolveOptions,
} from '../../../src/shared/options.ts';
import { formatFlags, formatOptions } from '../../../src/shared/options-help.ts';

const anyText: ValueType<string> = { label: 'text', parse: (value) => ({ ok: true, value }) };

const table = {
  port: {
    flag: 'port',
    env: 'X_PORT',
    type: portValue(),
    default: '8000',
    group: 'One',
    help: 'A port.',
  },
  name: { flag: 'name', env: 'X_NAME', type: anyText, group: 'Two', help: 'A name.' },
  proxy: {
    env: 'PROXY',
    envAlias: 'proxy',
    type: portValue(),
    secret: true,
    group: 'Two',
    help: 'A secret, of which only its fault may be told.',
  },
  tenant: {
    env: 'TENANT',
    type: textValue,
    required: 'ask for it',
    group: 'One',
    help: 'A tenant.',
  },
  quiet: { flag: 'quiet', type: booleanValue, default: 'false', group: 'Two', help: 'No noise.' },
} as const satisfies OptionTable;

function parsed(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Extract<ParsedOptions<typeof table>, { kind: 'options' }> {
  const result = parseOptions(table, argv, env);
  if (result.kind !== 'options') throw new Error(`unexpected ${result.kind}`);
  return result;
}

describe('precedence', () => {
  test('flag before variable before default', () => {
    const env = { X_PORT: '2', TENANT: 't' };
    expect(parsed(['--port=1'], env).values.port).toBe(1);
    expect(parsed([], env).values.port).toBe(2);
    expect(parsed([], { TENANT: 't' }).values.port).toBe(8000);
  });

  test('an empty variable is unset, and one of white space as well', () => {
    for (const X_PORT of ['', ' ', '\n']) expect(parsed([], { X_PORT }).values.port).toBe(8000);
  });

  test('an empty flag is a value', () => {
    expect(parsed(['--name='], { X_NAME: 'n' }).values.name).toBe('');
  });

  test('white space around a variable is ignored, around a flag it is not', () => {
    expect(parsed(['--name= a '], {}).values.name).toBe(' a ');
    expect(parsed([], { X_NAME: ' a\n' }).values.name).toBe('a');
  });

  test('the alias is read when the first name is unset', () => {
    expect(parsed([], { proxy: '1' }).values.proxy).toBe(1);
    expect(parsed([], { PROXY: '2', proxy: '1' }).values.proxy).toBe(2);
    expect(parsed([], { PROXY: '', proxy: '1' }).values.proxy).toBe(1);
  });

  test('an option without a value and a default is undefined', () => {
    expect(parsed([], { TENANT: 't' }).values.name).toBeUndefined();
  });

  test('names say where a value came from', () => {
    const { names, given } = parsed(['--port=1'], { X_NAME: 'n', proxy: '1' });
    expect(names).toEqual({
      port: '--port',
      name: 'X_NAME',
      proxy: 'proxy',
      tenant: 'TENANT',
      quiet: '--quiet',
    });
    expect([...given]).toEqual(['port', 'name', 'proxy']);
    expect(parsed([], {}).names.port).toBe('--port (X_PORT)');
  });

  test('property: flag, else variable, else default', () => {
    const text = fc.option(
      fc.string({ minLength: 1 }).filter((it) => it.trim() === it),
      {
        nil: undefined,
      },
    );
    const one = { ...table.name, default: 'default' };
    fc.assert(
      fc.property(text, text, (flag, variable) => {
        const texts = new Map(flag === undefined ? [] : [['name', flag]]);
        const { values } = resolveOptions({ name: one }, texts, { X_NAME: variable });
        expect(values.name).toBe(flag ?? variable ?? 'default');
      }),
    );
  });
});

describe('an option that restricts', () => {
  const restriction = { names: { ...table.name, type: textValue, restricts: true } } as const;

  test.each(['', ' ', '\n'])('is set by the variable %j, which is then at fault', (X_NAME) => {
    const { errors, given } = resolveOptions(restriction, new Map(), { X_NAME });
    expect(errors).toEqual(['X_NAME: "" is empty; set a value or remove the setting']);
    expect([...given]).toEqual(['names']);
  });

  test('is not set without the variable', () => {
    expect(resolveOptions(restriction, new Map(), {}).errors).toEqual([]);
  });
});

describe('a retired option', () => {
  const retired = { old: { ...table.port, retired: 'ports are chosen by the kernel' } } as const;

  test('is accepted with any value, ignored, and warned about', () => {
    for (const [argv, env, name] of [
      [['--port=x'], {}, '--port'],
      [[], { X_PORT: 'x' }, 'X_PORT'],
    ] as const) {
      expect(parseOptions(retired, argv, env)).toMatchObject({
        errors: [],
        values: {},
        warnings: [
          `${name}: ignored: this setting was removed (ports are chosen by the kernel); delete it, the next release will not accept it`,
        ],
      });
    }
    expect(parseOptions(retired, [], {})).toMatchObject({ warnings: [], values: {} });
  });

  test('is not in the help', () => {
    expect(formatOptions({ ...table, ...retired })).toBe(formatOptions(table));
    expect(formatFlags({ ...table, ...retired })).toBe(formatFlags(table));
  });
});

describe('errors', () => {
  test('every option at fault is named, with key, fault and fix', () => {
    const { errors } = parsed(['--port=0', '--quiet=maybe'], {});
    expect(errors).toEqual([
      '--port: "0" is not a valid port; set a port number from 1 to 65535',
      'TENANT not set; ask for it',
      '--quiet: "maybe" is not true or false; write true or false',
    ]);
  });

  test('the key is the one that holds the value', () => {
    expect(parsed([], { X_PORT: 'x', TENANT: 't' }).errors).toEqual([
      'X_PORT: "x" is not a valid port; set a port number from 1 to 65535',
    ]);
  });

  test('a secret is not shown', () => {
    const { errors } = parsed([], { PROXY: 'http://user:hunter2@host', TENANT: 't' });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^PROXY: the value is not a valid port;/);
    expect(errors[0]).not.toContain('hunter2');
  });

  test('a long value is cut and a control character escaped', () => {
    const { errors } = parsed([`--port=${'\n'.repeat(500)}`], { TENANT: 't' });
    expect(errors[0]).not.toContain('\n');
    expect(errors[0]?.length).toBeLessThan(200);
  });

  test('values are complete exactly if there is no error', () => {
    expect(isComplete(parsed([], {}))).toBe(false);
    const complete = parsed([], { TENANT: 't' });
    expect(isComplete(complete)).toBe(true);
    expect(complete.values).toEqual({ port: 8000, tenant: 't', quiet: false });
  });

  test('usage errors and help come before values', () => {
    expect(parseOptions(table, ['--nope'], {})).toEqual({
      kind: 'usage',
      error: 'unknown flag --nope',
    });
    expect(parseOptions(table, ['--port=0', '--help'], {})).toEqual({ kind: 'help' });
  });
});

describe('help', () => {
  test('lists every option under its group with names, default and text', () => {
    expect(formatOptions(table)).toBe(`One:
  --port <port>, X_PORT (default 8000)
        A port.
  TENANT (required)
        A tenant.

Two:
  --name <text>, X_NAME
        A name.
  PROXY, proxy
        A secret, of which only its fault may be told.
  --quiet
        No noise.`);
  });

  test('lists the flags alone', () => {
    expect(formatFlags(table)).toBe('  --port <port> --name <text> --quiet');
  });

  test('breaks long texts between words', () => {
    const help = Array.from({ length: 60 }, () => 'word').join(' ');
    const lines = formatOptions({ long: { ...table.name, help } }).split('\n');
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(96);
  });
});
