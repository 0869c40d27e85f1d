/** The seccomp profile of the proxy, from the system calls that `npm run seccomp` traced. */

interface Condition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
}

interface Rule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  /** All of them must hold. */
  readonly args?: readonly Condition[];
}

/** As container runtimes and the Security Profiles Operator read it. */
export interface Profile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

/** Calls that the traced runs may lack: they depend on kernel, memory and time. */
const untraced: Readonly<Record<string, readonly string[]>> = {
  'V8 under memory pressure': ['brk', 'madvise', 'membarrier', 'mprotect', 'mremap', 'munmap'],
  'clocks without the vDSO': ['clock_getres', 'clock_gettime', 'gettimeofday', 'time'],
  'waits and locks': ['clock_nanosleep', 'futex', 'nanosleep', 'sched_yield'],
  'signals, and the end of a process that is at fault': [
    'exit',
    'exit_group',
    'getpid',
    'gettid',
    'restart_syscall',
    'rt_sigaction',
    'rt_sigprocmask',
    'rt_sigreturn',
    'sigaltstack',
    'tgkill',
  ],
  "the C library's resolver and sockets": [
    'bind',
    'connect',
    'getpeername',
    'getsockname',
    'getsockopt',
    'ioctl',
    'poll',
    'ppoll',
    'recvfrom',
    'recvmsg',
    'sendmmsg',
    'sendmsg',
    'sendto',
    'setsockopt',
    'shutdown',
  ],
  threads: ['rseq', 'set_robust_list', 'set_tid_address'],
  'files on kernels and in libraries that differ': [
    'faccessat',
    'faccessat2',
    'fcntl',
    'fstat',
    'ftruncate',
    'getcwd',
    'getdents64',
    'lseek',
    'newfstatat',
    'openat',
    'pread64',
    'readlinkat',
    'statx',
  ],
  'the container runtime, between the filter and the program': [
    'capget',
    'capset',
    'chdir',
    'close_range',
    'fchown',
    'fstatfs',
    'getppid',
    'openat2',
    'prctl',
    'statfs',
  ],
};

/** Calls that arm64 does not have, and the ones that its C library makes in their place. */
const onArm64: Readonly<Record<string, readonly string[]>> = {
  access: ['faccessat', 'faccessat2'],
  arch_prctl: [],
  dup2: ['dup3'],
  epoll_create: ['epoll_create1'],
  epoll_wait: ['epoll_pwait'],
  eventfd: ['eventfd2'],
  getdents: ['getdents64'],
  lstat: ['newfstatat'],
  open: ['openat'],
  pipe: ['pipe2'],
  poll: ['ppoll'],
  readlink: ['readlinkat'],
  select: ['pselect6'],
  stat: ['newfstatat'],
  time: ['clock_gettime'],
};

/**
 * Refused although libuv tries them: calls that are made through a ring pass by every filter. libuv works
 * without.
 */
const refused = new Set(['io_uring_setup', 'io_uring_enter', 'io_uring_register']);

/** Allowed with certain arguments alone, whatever was traced. */
const conditional = new Set(['clone', 'clone3', 'socket']);

const cloneThread = 0x1_0000;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const cloneNamespaces = 0x7e02_0000;
const noSuchCall = 38;

const [unix, ipv4, ipv6, netlink] = [1, 2, 10, 16];
const [stream, datagram, typeBits] = [1, 2, 0xf];

/** @param traced the names of the system calls that the proxy made */
export function toProfile(traced: readonly string[]): Profile {
  const wanted = new Set([...traced, ...Object.values(untraced).flat()]);
  for (const name of [...wanted]) for (const other of onArm64[name] ?? []) wanted.add(other);
  const names = [...wanted]
    .filter((name) => !conditional.has(name) && !refused.has(name))
    .toSorted();
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
    syscalls: [
      { names, action: 'SCMP_ACT_ALLOW' },
      // Threads, and neither processes nor namespaces.
      allow('clone', masked(0, cloneThread + cloneNamespaces, cloneThread)),
      // A filter cannot see its flags. The C library then takes clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: noSuchCall },
      allow('socket', equal(0, unix)),
      ...[ipv4, ipv6].flatMap((family) =>
        [stream, datagram].map((type) =>
          allow('socket', equal(0, family), masked(1, typeBits, type)),
        ),
      ),
      // The C library lists the addresses of the pod: protocol NETLINK_ROUTE.
      allow('socket', equal(0, netlink), equal(2, 0)),
    ],
  };
}

/** The text of the file. */
export function renderProfile(profile: Profile): string {
  return `${JSON.stringify(profile, null, 2)}\n`;
}

function allow(name: string, ...args: readonly Condition[]): Rule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args };
}

function equal(index: number, value: number): Condition {
  return { index, value, op: 'SCMP_CMP_EQ' };
}

function masked(index: number, mask: number, value: number): Condition {
  return { index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' };
}
