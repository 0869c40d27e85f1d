import { describe, expect, test } from 'vitest';
import {
  parseOnCpuNs,
  parseParentPid,
  parseRssAnonBytes,
  parseSmapsRollup,
  parseVoluntarySwitches,
} from '../../../bench/harness/proc-text.ts';

const smapsRollup = `00400000-7ffd3a9fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               47644 kB
Pss:               30281 kB
Pss_Dirty:         10120 kB
Pss_Anon:          10120 kB
Pss_File:          20161 kB
Shared_Clean:      36612 kB
Private_Dirty:     10120 kB
Referenced:        47644 kB
Anonymous:         10120 kB
LazyFree:              0 kB
AnonHugePages:      2048 kB
Swap:                  0 kB
`;

const status = `Name:	node
Umask:	0022
VmRSS:	   47644 kB
RssAnon:	   10120 kB
RssFile:	   37524 kB
Threads:	7
voluntary_ctxt_switches:	32
nonvoluntary_ctxt_switches:	5
`;

test('smaps_rollup: anonymous memory and the proportional share, in bytes', () => {
  expect(parseSmapsRollup(smapsRollup)).toEqual({
    anonymousBytes: 10120 * 1024,
    proportionalBytes: 30281 * 1024,
  });
});

test('smaps_rollup without the field is an error, not zero', () => {
  expect(() => parseSmapsRollup('Rss: 1 kB\n')).toThrow('no field Anonymous');
});

test('status: anonymous memory in bytes', () => {
  expect(parseRssAnonBytes(status)).toBe(10120 * 1024);
});

test('status: voluntary switches, not the involuntary ones', () => {
  expect(parseVoluntarySwitches(status)).toBe(32);
});

describe('schedstat', () => {
  test('the first field is the time on a CPU', () => {
    expect(parseOnCpuNs('123456789 2345 67\n')).toBe(123_456_789);
  });

  test.each(['', '\n', 'x 1 2\n'])('%j is an error', (text) => {
    expect(() => parseOnCpuNs(text)).toThrow('not a schedstat');
  });
});

describe('stat', () => {
  test.each([
    { text: '42 (node) S 7 42 42 0 -1', parent: 7 },
    { text: '42 (a) S 9 (b c) R 7 42 42 0 -1', parent: 7 },
  ])('the parent of $text', ({ text, parent }) => {
    expect(parseParentPid(text)).toBe(parent);
  });

  test('without a parent is an error', () => {
    expect(() => parseParentPid('42 (node) S')).toThrow('not a stat');
  });
});
