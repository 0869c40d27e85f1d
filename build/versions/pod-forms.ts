/** Pods in which two versions meet: what proxy-init and the proxy are told. Their images alone differ. */

export interface PodForm {
  readonly name: string;
  readonly init: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the proxy forwards other metadata paths. */
  readonly forwards: boolean;
}

/** Who comes from the last release, and who from the working tree. */
export const pairs = [
  { init: 'last', proxy: 'this' },
  { init: 'this', proxy: 'last' },
] as const;

export const podForms: readonly PodForm[] = [
  {
    name: 'the webhook, 1.3 to 1.6',
    init: { PROXY_PORT: '8000' },
    flags: ['--proxy-port=8000', '--log-level=info'],
    forwards: true,
  },
  {
    name: 'the webhook without a log level',
    init: { PROXY_PORT: '8000' },
    flags: ['--proxy-port=8000', '--log-level='],
    forwards: true,
  },
  {
    name: 'the webhook at level debug',
    init: { PROXY_PORT: '8000' },
    flags: ['--proxy-port=8000', '--log-level=debug'],
    forwards: true,
  },
  {
    name: 'the webhook with another port',
    init: { PROXY_PORT: '8123' },
    flags: ['--proxy-port=8123', '--log-level=info'],
    forwards: true,
  },
  {
    name: "upstream's example without arguments",
    init: { PROXY_PORT: '8000' },
    flags: [],
    forwards: true,
  },
  {
    name: '`inject`',
    init: { PROXY_PORT: '8000', INIT_EXEMPT: 'uid+gid' },
    flags: ['--proxy-port=8000', '--log-level=info'],
    forwards: true,
  },
  {
    name: 'no exemption and no pass-through',
    init: { INIT_EXEMPT: 'none', INIT_GUARD: 'imds+wireserver' },
    flags: ['--log-level=info'],
    env: { IMDS_PROXY_PASSTHROUGH: 'off' },
    forwards: false,
  },
  {
    name: 'exemption by port',
    init: { INIT_EXEMPT: 'alias-port' },
    flags: ['--log-level=info'],
    env: { IMDS_PROXY_METADATA_ENDPOINT: '169.254.169.254:60080' },
    forwards: true,
  },
];
