import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderProfile, toProfile } from '../../../build/seccomp/profile.ts';
import { profileFile, readTraced } from '../../../build/seccomp/write.ts';

const traced = readTraced();
const { syscalls } = toProfile(traced.calls);
const allowed = syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW');
const always = new Set(
  allowed.filter(({ args }) => args === undefined).flatMap(({ names }) => names),
);

describe('deploy/seccomp/proxy.json', () => {
  it('is what npm run docs writes', () => {
    expect(readFileSync(profileFile, 'utf8')).toBe(renderProfile(toProfile(traced.calls)));
  });

  it.each(['x64', 'arm64'] as const)(
    'was traced on %s with the Node of the image: run npm run seccomp if it was not',
    (processor) => {
      const file = join(import.meta.dirname, '../../../Dockerfile.proxy');
      const [, version] = /^ARG BUILD_IMAGE=node:([\d.]+)-/m.exec(readFileSync(file, 'utf8')) ?? [];
      expect(readTraced(processor).node).toBe(`v${version}`);
    },
  );

  it('allows the traced calls, but for rings, which pass by every filter', () => {
    const conditional = ['clone3', 'socket'];
    expect(traced.calls.filter((name) => !always.has(name) && !conditional.includes(name))).toEqual(
      ['io_uring_enter', 'io_uring_setup'],
    );
  });

  it('allows the calls that Node for arm64 made under qemu, but for rings', () => {
    const { calls } = readTraced('arm64');
    expect(calls).toEqual(expect.arrayContaining(['faccessat', 'readlinkat', 'epoll_pwait']));
    const conditional = ['clone', 'socket'];
    expect(calls.filter((name) => !always.has(name) && !conditional.includes(name))).toEqual([
      'io_uring_setup',
    ]);
  });

  it.each([
    ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'],
    ...['mount', 'umount2', 'pivot_root', 'chroot', 'unshare', 'setns', 'open_by_handle_at'],
    ...['bpf', 'perf_event_open', 'userfaultfd', 'keyctl', 'add_key', 'memfd_create'],
    ...['init_module', 'finit_module', 'kexec_load', 'reboot', 'swapon'],
    ...['fork', 'vfork', 'clone', 'clone3', 'kill', 'setuid', 'setgid', 'setgroups'],
    ...['chmod', 'fchmodat', 'mkdirat', 'mknodat', 'renameat2', 'unlinkat', 'symlinkat', 'linkat'],
    'socket',
  ])('does not allow %s with any arguments', (name) => {
    expect(always).not.toContain(name);
  });

  it('has the calls of arm64 for those that arm64 lacks', () => {
    const { syscalls: rules } = toProfile(['access', 'epoll_wait', 'pipe', 'readlink', 'select']);
    expect(rules[0]?.names).toEqual(
      expect.arrayContaining(['faccessat', 'epoll_pwait', 'pipe2', 'readlinkat', 'pselect6']),
    );
  });
});
