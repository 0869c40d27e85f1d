import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeCpu, judgeMemoryLimit } from '../../../src/doctor/sidecar/capacity-checks.ts';
import { type CgroupFacts, readCgroup } from '../../../src/doctor/sidecar/cgroup.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doctor-cgroup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Reads files that stand in for /proc and /sys/fs/cgroup. */
async function read(files: Readonly<Record<string, string>>): Promise<CgroupFacts> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return readCgroup(7, { proc: join(folder, 'proc'), cgroup: join(folder, 'cgroup') });
}

const facts: CgroupFacts = {
  memoryLimitBytes: 100_663_296,
  memoryPeakBytes: 60_000_000,
  oomKills: 2,
  throttledShare: 0.25,
};

const v2 = (at: string): Readonly<Record<string, string>> => ({
  [`${at}/memory.max`]: '100663296\n',
  [`${at}/memory.peak`]: '60000000\n',
  [`${at}/memory.events`]: 'low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\noom_group_kill 0\n',
  [`${at}/cpu.stat`]: 'usage_usec 5\nnr_periods 400\nnr_throttled 100\nthrottled_usec 9\n',
});

const v1 = (memory: string, cpu: string): Readonly<Record<string, string>> => ({
  [`${memory}/memory.limit_in_bytes`]: '100663296\n',
  [`${memory}/memory.max_usage_in_bytes`]: '60000000\n',
  [`${memory}/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  [`${cpu}/cpu.stat`]: 'nr_periods 400\nnr_throttled 100\nthrottled_time 9\n',
});

describe('the counters of the kernel', () => {
  test.each([
    ['v2, with the root of the mount', { 'proc/7/cgroup': '0::/\n', ...v2('cgroup') }],
    [
      'v2, with the path on the node, which the container does not have',
      { 'proc/7/cgroup': '0::/kubepods/pod1/abc\n', ...v2('cgroup') },
    ],
    [
      'v2, with the whole tree in sight',
      { 'proc/7/cgroup': '0::/kubepods/pod1/abc\n', ...v2('cgroup/kubepods/pod1/abc') },
    ],
    [
      'v1, with the root of each mount',
      { 'proc/7/cgroup': '9:memory:/\n4:cpu,cpuacct:/\n', ...v1('cgroup/memory', 'cgroup/cpu') },
    ],
    [
      'v1, with a folder for two controllers',
      {
        'proc/7/cgroup': '9:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n',
        ...v1('cgroup/memory/docker/a', 'cgroup/cpu,cpuacct/docker/a'),
      },
    ],
  ])('%s', async (_name, files) => {
    expect(await read(files)).toEqual(facts);
  });

  const nothing: CgroupFacts = {
    memoryLimitBytes: undefined,
    memoryPeakBytes: undefined,
    oomKills: undefined,
    throttledShare: undefined,
  };

  test.each<[string, Readonly<Record<string, string>>]>([
    ['there are no files at all', {}],
    ['there is no limit in v2', { 'proc/7/cgroup': '0::/\n', 'cgroup/memory.max': 'max\n' }],
    [
      'there is no limit in v1',
      {
        'proc/7/cgroup': '9:memory:/\n',
        'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      },
    ],
    [
      'the files hold anything else',
      {
        'proc/7/cgroup': '\u0000::\n9:memory\n:::::\n',
        'cgroup/memory.max': '-1\n',
        'cgroup/memory.peak': '1e9',
        'cgroup/memory.events': 'oom_kill many\n',
        'cgroup/cpu.stat': 'nr_periods 0\nnr_throttled 0\n',
      },
    ],
  ])('say nothing if %s', async (_name, files) => {
    expect(await read(files)).toEqual(nothing);
  });
});

test.each([
  [0.24, 'ok'],
  [0.25, 'warn'],
])('waiting in %d of all periods: %s', (throttledShare, status) => {
  expect(judgeCpu({ ...facts, throttledShare }).status).toBe(status);
});

test('evidence has the peak, where the kernel shows it', () => {
  expect(judgeMemoryLimit(facts).evidence).toEqual({
    limit: '96 MiB',
    'highest use, with file cache': '57 MiB',
  });
  expect(judgeMemoryLimit({ ...facts, memoryPeakBytes: undefined }).evidence).toEqual({
    limit: '96 MiB',
  });
});
