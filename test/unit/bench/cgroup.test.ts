import { describe, expect, test } from 'vitest';
import { findCgroups, toSettings } from '../../../bench/harness/cgroup.ts';

const v1 = `proc /proc proc rw,nosuid 0 0
tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,relatime,nsdelegate 0 0\n';
const hybridWithoutMemory = v1.replace(/^.*\/memory .*\n/m, '');

const never = (): string => {
  throw new Error('not to be asked');
};

describe('findCgroups', () => {
  test('finds the two hierarchies of version 1, and not cpuset for cpu', () => {
    expect(findCgroups(v1, never)).toEqual({
      version: 1,
      cpu: '/sys/fs/cgroup/cpu,cpuacct',
      memory: '/sys/fs/cgroup/memory',
    });
  });

  test('finds version 2', () => {
    expect(findCgroups(v2, () => 'cpuset cpu io memory pids\n')).toEqual({
      version: 2,
      root: '/sys/fs/cgroup',
    });
  });

  test('names the controllers that are missing', () => {
    expect(findCgroups(hybridWithoutMemory, () => 'hugetlb\n')).toBe(
      'the cgroup file system at /sys/fs/cgroup/unified has no cpu and no memory controller',
    );
  });

  test('says that nothing is mounted', () => {
    expect(findCgroups('proc /proc proc rw 0 0\n', never)).toContain('no cgroup file system');
  });
});

describe('toSettings', () => {
  const limits = { cpuMilli: 100, memoryBytes: 64 * 2 ** 20 };

  test('version 1: quota and limit in their own hierarchies', () => {
    expect(toSettings({ version: 1, cpu: '/cpu', memory: '/memory' }, limits)).toEqual([
      { root: '/cpu', file: 'cpu.cfs_period_us', value: '100000' },
      { root: '/cpu', file: 'cpu.cfs_quota_us', value: '10000' },
      { root: '/memory', file: 'memory.limit_in_bytes', value: '67108864' },
    ]);
  });

  test('version 2: the same in one', () => {
    expect(toSettings({ version: 2, root: '/all' }, limits)).toEqual([
      { root: '/all', file: 'cpu.max', value: '10000 100000' },
      { root: '/all', file: 'memory.max', value: '67108864' },
    ]);
  });

  test('sets nothing that is not limited', () => {
    expect(toSettings({ version: 2, root: '/all' }, { cpuMilli: 50 })).toEqual([
      { root: '/all', file: 'cpu.max', value: '5000 100000' },
    ]);
  });
});
