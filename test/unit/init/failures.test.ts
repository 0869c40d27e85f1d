import { describe, expect, it } from 'vitest';
import { toProgramFailure, toSpawnFailure } from '../../../src/init/backends/program.ts';
import {
  type FailureKind,
  failures,
  InitFailure,
  toInitFailure,
} from '../../../src/init/failures.ts';

describe('the failures', () => {
  it.each<[FailureKind, number, string]>([
    [
      'no-net-admin',
      3,
      'Cannot write netfilter rules: CAP_NET_ADMIN is missing. Set securityContext.capabilities.add: [NET_ADMIN] and runAsUser: 0 on this init container (a namespace policy may strip it).',
    ],
    ['no-net-raw', 3, 'This kernel has no nf_tables; the legacy backend also needs CAP_NET_RAW.'],
    [
      'no-netfilter',
      4,
      'Neither nf_tables nor ip_tables is in this kernel. Load nft_redir or iptable_nat on the node, or use the env-variable mode without redirect.',
    ],
    [
      'missing-module',
      4,
      'Kernel module xt_owner/xt_REDIRECT/nft_redir is missing on this node: <stderr>',
    ],
    ['no-binary', 5, 'nft and iptables are not in this image.'],
    ['rejected', 6, 'The kernel rejected the rules: <stderr>. Nothing was changed.'],
    ['lock-held', 6, 'xtables lock held by another process for 5 s (INIT_LOCK_WAIT).'],
    ['no-route', 7, 'No route to 169.254.169.254: connections fail before any rule applies. <fix>'],
    [
      'not-redirected',
      7,
      'Rules are loaded but 169.254.169.254:80 is not redirected (another NAT rule is first?). OUTPUT now: <rules>',
    ],
    ['no-answer', 7, 'Redirect did not answer within 1.5 s; is lo up?'],
    [
      'itself-exempt',
      7,
      'Not proven: proxy-init itself is exempt from the redirect (uid 0, gid 0). Run it as another user than the proxy, or set INIT_VERIFY=off to give up the proof.',
    ],
    [
      'host-namespace',
      8,
      "This is the node's network namespace (hostNetwork: true). Refusing: the rule would capture every pod and the kubelet. INIT_ALLOW_HOST_NETWORK=true overrides.",
    ],
  ])('%s: exit code %i and its message', (kind, exitCode, message) => {
    const failure = new InitFailure(kind, {
      stderr: '<stderr>',
      binaries: 'nft and iptables are',
      seconds: 5,
      address: '169.254.169.254',
      port: 80,
      output: '<rules>',
      uid: 0,
      gid: 0,
      fix: '<fix>',
      place: '<chain>',
      rule: '<rule>',
    });
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.message).toBe(message);
  });

  it('have an exit code for their kind, never 0', () => {
    for (const { exitCode, cause } of Object.values(failures)) {
      expect(exitCode).toBeGreaterThanOrEqual(1);
      expect(exitCode).toBeLessThanOrEqual(8);
      expect(cause).not.toBe('');
    }
  });

  it('keep the thrown error as their cause', () => {
    const thrown = new TypeError('boom');
    expect(toInitFailure(thrown)).toMatchObject({ kind: 'unexpected', exitCode: 1, cause: thrown });
    expect(toInitFailure('boom').message).toBe('Unexpected: boom');
    const failure = new InitFailure('no-answer');
    expect(toInitFailure(failure)).toBe(failure);
  });
});

describe('the diagnosis', () => {
  const diagnose = (stderr: string): FailureKind =>
    toProgramFailure('nft', { exitCode: 1, stdout: '', stderr }).kind;

  it.each<[FailureKind, string]>([
    ['no-net-admin', 'netlink: Error: cache initialization failed: Operation not permitted'],
    [
      'no-net-admin',
      'iptables-nft-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
    ],
    ['no-netfilter', 'mnl.c:60: Unable to initialize Netlink socket: Protocol not supported'],
    [
      'no-netfilter',
      'iptables-nft-restore/1.8.9 (nf_tables) Failed to initialize nft: Protocol not supported',
    ],
    [
      'no-netfilter',
      'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument',
    ],
    ['no-netfilter', 'netlink: Error: cache initialization failed: Invalid argument'],
    [
      'no-netfilter',
      "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'",
    ],
    [
      'no-netfilter',
      "can't initialize iptables table `nat': Table does not exist (do you need to insmod?)",
    ],
    [
      'no-netfilter',
      "can't initialize iptables table `nat': iptables who? (do you need to insmod?)",
    ],
    [
      'missing-module',
      'line 6: RULE_APPEND failed (No such file or directory): rule in chain AZWI_PROXY_OUTPUT',
    ],
    ['missing-module', 'line 3: CHAIN_ADD failed (No such file or directory): chain OUTPUT'],
    ['missing-module', 'Warning: Extension owner revision 0 not supported, missing kernel module?'],
    [
      'missing-module',
      '/dev/stdin:9:3-60: Error: Could not process rule: No such file or directory',
    ],
    ['lock-held', 'Another app is currently holding the xtables lock. Stopped waiting after 5s.'],
    ['lock-file', "Fatal: can't open lock file /run/xtables.lock: Read-only file system"],
    ['lock-file', "Fatal: can't open lock file /run/xtables.lock: Permission denied"],
    ['rejected', 'line 4: RULE_DELETE failed (No such file or directory): rule in chain OUTPUT'],
    ['rejected', 'iptables-restore: line 4 failed'],
    ['rejected', ''],
  ])('%s: %s', (kind, stderr) => {
    expect(diagnose(stderr)).toBe(kind);
  });

  it('puts the output of a program on one line', () => {
    const result = { exitCode: 1, stdout: '', stderr: 'one\n\n  two\n' };
    expect(toProgramFailure('nft', result).detail).toBe('one; two');
    expect(toProgramFailure('nft', { ...result, killed: 'timeout' }).detail).toBe(
      'nft did not end in time',
    );
    expect(toProgramFailure('nft', { ...result, killed: 'output' }).detail).toBe(
      'nft listed more rules than a pod has',
    );
  });

  it.each([
    ['ENOENT', 'no-binary'],
    ['EPERM', 'no-net-admin'],
    ['EACCES', 'no-net-admin'],
    ['ENOMEM', 'unexpected'],
  ])('a program that cannot start with %s is %s', (code, kind) => {
    expect(toSpawnFailure('nft', Object.assign(new Error(code), { code })).kind).toBe(kind);
  });
});
