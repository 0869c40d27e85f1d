import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Parsed, ValueType } from '../../../src/shared/option-table.ts';
import {
  booleanValue,
  choiceValue,
  durationValue,
  listValue,
  parseInteger,
  portValue,
  textValue,
} from '../../../src/shared/option-values.ts';

function toValue<T>(parsed: Parsed<T>): T | undefined {
  return parsed.ok ? parsed.value : undefined;
}

function toFault<T>(type: ValueType<T>, text: string): string | undefined {
  const parsed = type.parse(text);
  return parsed.ok ? undefined : `${parsed.at ?? ''}${parsed.fault}; ${parsed.fix}`;
}

describe('boolean', () => {
  test.each(['1', 't', 'T', 'true', 'TRUE', 'True'])('%s is true', (text) => {
    expect(toValue(booleanValue.parse(text))).toBe(true);
  });
  test.each(['0', 'f', 'F', 'false', 'FALSE', 'False'])('%s is false', (text) => {
    expect(toValue(booleanValue.parse(text))).toBe(false);
  });
  test.each(['', 'yes', 'tRUE', '2', ' true'])('%j is neither', (text) => {
    expect(booleanValue.parse(text).ok).toBe(false);
  });
});

describe('integer, as Go reads base 0', () => {
  test.each([
    ['0', 0],
    ['8000', 8000],
    ['+8000', 8000],
    ['-1', -1],
    ['-0', 0],
    ['0x1F40', 8000],
    ['0X1f40', 8000],
    ['0o17500', 8000],
    ['017500', 8000],
    ['0b1111101000000', 8000],
    ['8_000', 8000],
    ['0x1F_40', 8000],
    ['0_17500', 8000],
  ])('%s is %d', (text, expected) => {
    expect(parseInteger(text)).toBe(expected);
  });

  test.each([
    '',
    ' 1',
    '1 ',
    '8e3',
    '1.0',
    '08',
    '0x',
    '0b2',
    '8__0',
    '_8',
    '8_',
    '0xg',
    '--1',
    '１',
  ])('%j is refused', (text) => {
    expect(parseInteger(text)).toBeUndefined();
  });

  test('property: every number in every base', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (number, negative) => {
        const sign = negative ? '-' : '';
        const expected = negative && number !== 0 ? -number : number;
        for (const text of [
          `${number}`,
          `0x${number.toString(16)}`,
          `0o${number.toString(8)}`,
          `0${number.toString(8)}`,
          `0b${number.toString(2)}`,
        ]) {
          expect(parseInteger(`${sign}${text}`)).toBe(expected);
        }
      }),
    );
  });
});

describe('port', () => {
  test.each(['1', '8000', '65535', '0x1F40'])('%s is one', (text) => {
    expect(portValue().parse(text).ok).toBe(true);
  });
  test.each(['0', '-1', '65536', '70000', '99999999999999999999', '80.5', 'http', ''])(
    '%j is refused',
    (text) => {
      expect(toFault(portValue(), text)).toBe(
        'is not a valid port; set a port number from 1 to 65535',
      );
    },
  );
  test('0 where it means something', () => {
    const type = portValue({ zero: 'turns it off' });
    expect(toValue(type.parse('0'))).toBe(0);
    expect(toFault(type, '-1')).toBe(
      'is not a valid port; set a port number from 1 to 65535, or 0, which turns it off',
    );
  });
  test('a Service link of Kubernetes is named as such', () => {
    expect(toFault(portValue(), 'tcp://10.0.0.7:80')).toBe(
      'is not a port but a variable that Kubernetes creates for a Service of that name; set enableServiceLinks: false in the pod, or rename the Service',
    );
  });
});

describe('duration', () => {
  const type = durationValue({ leastMs: 0, mostMs: 86_400_000 });

  test.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1.5s', 1_500],
    ['2us', 0],
    ['600000us', 600],
  ])('%s is %d ms', (text, expected) => {
    expect(toValue(type.parse(text))).toBe(expected);
  });

  test.each(['', 's', '-1s', '1 s', '5d', '1m 30s', '1.s', '.5s', '5min', '5M'])(
    '%j is refused',
    (text) => {
      expect(toFault(type, text)).toBe('is not a duration; write it like 500ms, 30s or 5m');
    },
  );

  test('a bare number lacks its unit', () => {
    expect(toFault(type, '60')).toBe('is not a duration; add a unit, such as 60s');
  });

  test.each(['999ms', '25h', '1000000000h'])('%s is out of range', (text) => {
    expect(toFault(durationValue({ leastMs: 1_000, mostMs: 86_400_000 }), text)).toBe(
      'is out of range; set a duration from 1s to 24h',
    );
  });
});

describe('choice and text', () => {
  test('one of the words, exactly', () => {
    const type = choiceValue(['off', 'instance']);
    expect(toValue(type.parse('off'))).toBe('off');
    expect(toFault(type, 'Off')).toBe('is not a valid choice; set one of off, instance');
    expect(type.label).toBe('off|instance');
  });
  test('a text is not empty', () => {
    expect(toValue(textValue.parse('x'))).toBe('x');
    expect(textValue.parse('').ok).toBe(false);
  });
});

describe('list', () => {
  const type = listValue(portValue());

  test.each([
    ['1', [1]],
    ['1,2', [1, 2]],
    ['1 2', [1, 2]],
    [' 1,\n2 ,3,', [1, 2, 3]],
    ['1,0x1', [1]],
  ])('%j', (text, expected) => {
    expect(toValue(type.parse(text))).toEqual(expected);
  });

  test.each(['', ' ', ',', ' , '])('%j is an empty list', (text) => {
    expect(toFault(type, text)).toMatch(/^is an empty list/);
  });

  test('the entry at fault is counted from one and shown', () => {
    expect(type.parse('1,x,y')).toMatchObject({ ok: false, at: ', entry 2', shown: '"x"' });
  });
});
