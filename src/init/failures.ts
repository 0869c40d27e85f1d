/** Why proxy-init failed. */
export type FailureKind = keyof typeof failures;

interface FailureRow {
  readonly cause: string;
  /** What the user reads; `{name}` is filled in. */
  readonly message: string;
  readonly exitCode: number;
  /** What to check or change, if the message does not say it. */
  readonly remedy?: string;
}

/** Every failure with its cause, message and exit code. docs/redirect.md shows this table. */
export const failures = {
  unexpected: {
    cause: 'a bug in proxy-init',
    message: 'Unexpected: {error}',
    exitCode: 1,
    remedy: 'Run it again with INIT_LOG_LEVEL=debug, which logs the stack, and report the bug.',
  },
  'bad-value': {
    cause: 'an invalid setting',
    message: '{faults} Nothing was changed.',
    exitCode: 2,
  },
  'no-net-admin': {
    cause: 'no permission to write netfilter rules',
    message:
      'Cannot write netfilter rules: CAP_NET_ADMIN is missing. Set securityContext.capabilities.add: [NET_ADMIN] and runAsUser: 0 on this init container (a namespace policy may strip it).',
    exitCode: 3,
  },
  'no-net-raw': {
    cause: 'NET_ADMIN without NET_RAW, and the kernel has only legacy iptables',
    message: 'This kernel has no nf_tables; the legacy backend also needs CAP_NET_RAW.',
    exitCode: 3,
  },
  'legacy-no-net-raw': {
    cause: 'NET_RAW is missing, and INIT_BACKEND asks for legacy iptables or it holds rules',
    message: 'The legacy backend also needs CAP_NET_RAW.',
    exitCode: 3,
    remedy: 'Add NET_RAW, or set INIT_BACKEND=auto, which needs only NET_ADMIN on most nodes.',
  },
  'no-netfilter': {
    cause: 'a kernel without nf_tables and ip_tables (gVisor)',
    message:
      'Neither nf_tables nor ip_tables is in this kernel. Load nft_redir or iptable_nat on the node, or use the env-variable mode without redirect.',
    exitCode: 4,
  },
  'missing-module': {
    cause: 'the kernel lacks a module that a rule needs',
    message: 'Kernel module xt_owner/xt_REDIRECT/nft_redir is missing on this node: {stderr}',
    exitCode: 4,
  },
  'backend-unavailable': {
    cause: 'the kernel supports neither the backend of INIT_BACKEND nor, with auto, any other',
    message: 'No backend can be used here: {reasons}',
    exitCode: 4,
    remedy: 'Set INIT_BACKEND=auto, and use an image with nft and iptables.',
  },
  'no-binary': {
    cause: 'programs are missing in the image',
    message: '{binaries} not in this image.',
    exitCode: 5,
  },
  rejected: {
    cause: 'the kernel refused the rules 5 times',
    message: 'The kernel rejected the rules: {stderr}. Nothing was changed.',
    exitCode: 6,
  },
  contended: {
    cause: 'the rules did not stay as written, 5 times in a row',
    message: 'Something else keeps changing the same rules: {difference}',
    exitCode: 6,
    remedy: "Find out what else writes these rules in this pod, for example upstream's proxy-init.",
  },
  'rejected-partly': {
    cause: 'the kernel accepted the guard and then refused the redirect',
    message:
      'The kernel rejected the redirect: {stderr}. The guard is in force, so the metadata address is refused rather than open.',
    exitCode: 6,
    remedy: 'Run it again, or set INIT_BACKEND=nft, which writes both in one transaction.',
  },
  'lock-held': {
    cause: 'another process holds the xtables lock',
    message: 'xtables lock held by another process for {seconds} s (INIT_LOCK_WAIT).',
    exitCode: 6,
  },
  'lock-file': {
    cause: 'no writable place for the xtables lock file',
    message: 'Cannot open an xtables lock file at {paths}.',
    exitCode: 6,
    remedy: 'Set XTABLES_LOCKFILE to a writable path, or use a backend without a lock file.',
  },
  'run-in-progress': {
    cause: 'another proxy-init is running in this network namespace',
    message: 'Another proxy-init has been running in this network namespace for {seconds} s.',
    exitCode: 6,
    remedy: 'Wait for it, or end it, and run this one again.',
  },
  'no-route': {
    cause: 'no route to the metadata address',
    message: 'No route to {address}: connections fail before any rule applies. {fix}',
    exitCode: 7,
  },
  'no-packet-guard': {
    cause: 'the kernel cannot guard packets that processes write themselves',
    message: 'INIT_PACKET_GUARD=on cannot be put into force here: {stderr}',
    exitCode: 4,
    remedy:
      'It needs Linux 5.16 with nf_tables. Without it, drop the capability NET_RAW from every container of the pod.',
  },
  'rules-differ': {
    cause: 'the rules in the kernel are not the configured ones',
    message: 'The redirect is not in force as configured: {difference}',
    exitCode: 7,
    remedy: 'Run proxy-init again with the same settings as this check.',
  },
  'not-redirected': {
    cause: 'the rules are in force, but connections go elsewhere',
    message:
      'Rules are loaded but {address}:{port} is not redirected (another NAT rule is first?). OUTPUT now: {output}',
    exitCode: 7,
    remedy:
      'A rule of the other iptables variant may run first: INIT_BACKEND=nft runs before both. Or remove the rule.',
  },
  'no-answer': {
    cause: 'the redirected connection got no answer',
    message: 'Redirect did not answer within 1.5 s; is lo up?',
    exitCode: 7,
  },
  'itself-exempt': {
    cause: 'proxy-init runs with exempt ids, so its own connections prove nothing',
    message:
      'Not proven: proxy-init itself is exempt from the redirect (uid {uid}, gid {gid}). Run it as another user than the proxy, or set INIT_VERIFY=off to give up the proof.',
    exitCode: 7,
    remedy:
      'PROXY_UID=0 exempts every process of root: run the proxy as another user, and set PROXY_UID to it.',
  },
  'not-first': {
    cause: "another program's rule runs before ours and can take connections",
    message:
      'Rules are loaded, but {place} runs before them and can take connections to {address}: {rule}',
    exitCode: 7,
    remedy:
      'Remove that rule, or use INIT_BACKEND=nft, which runs before both variants of iptables. proxy-init itself is redirected; other users of the pod may not be.',
  },
  'host-namespace': {
    cause: "a node's network namespace",
    message:
      "This is the node's network namespace (hostNetwork: true). Refusing: the rule would capture every pod and the kubelet. INIT_ALLOW_HOST_NETWORK=true overrides.",
    exitCode: 8,
    remedy: 'The sign is a KUBE-* chain or a link that only nodes have; the log names it.',
  },
} as const satisfies Record<string, FailureRow>;

/** The only error of proxy-init. Its message is the row's, filled in. */
export class InitFailure extends Error {
  override readonly name = 'InitFailure';
  readonly kind: FailureKind;
  readonly exitCode: number;
  /** What the failed program printed, for messages that summarise several failures. */
  readonly detail: string;

  constructor(
    kind: FailureKind,
    params: Readonly<Record<string, string | number>> = {},
    options?: { readonly cause: unknown },
  ) {
    const { message, exitCode } = failures[kind];
    super(
      message.replaceAll(/\{(\w+)\}/g, (_, name: string) => `${params[name] ?? ''}`),
      options,
    );
    this.kind = kind;
    this.exitCode = exitCode;
    this.detail = `${params['stderr'] ?? this.message}`;
  }
}

/** Turns anything thrown into an `InitFailure`. */
export function toInitFailure(thrown: unknown): InitFailure {
  if (thrown instanceof InitFailure) return thrown;
  const error = thrown instanceof Error ? thrown.message : String(thrown);
  return new InitFailure('unexpected', { error }, { cause: thrown });
}
