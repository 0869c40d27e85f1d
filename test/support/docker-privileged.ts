import { readFileSync } from 'node:fs';
import type Dockerode from 'dockerode';

let privileged: Promise<Dockerode.HostConfig> | undefined;

/**
 * `privileged`, or where the engine cannot, because the machine itself lacks a capability that older
 * engines then ask for, the nearest to it: every capability there is, and no seccomp filter.
 */
export function toPrivileged(): Promise<Dockerode.HostConfig> {
  privileged ??= findPrivileged();
  return privileged;
}

async function findPrivileged(): Promise<Dockerode.HostConfig> {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`);
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  if (bounding === (1n << BigInt(last + 1)) - 1n) return { Privileged: true };
  const held = capabilities.filter((_, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n);
  return { CapDrop: ['ALL'], CapAdd: held, SecurityOpt: ['seccomp=unconfined'] };
}

/** By their numbers (linux/capability.h), as far as the engines go that ask for all. */
const capabilities =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ'.split(
    ' ',
  );
