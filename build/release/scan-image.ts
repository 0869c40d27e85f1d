/** A file of an image, as `tar --list --verbose --numeric-owner` prints it. */
export interface ImageFile {
  /** Absolute; a folder ends in a slash. */
  readonly path: string;
  /** Such as `-rwxr-xr-x`. */
  readonly mode: string;
  /** Such as `0/0`. */
  readonly owner: string;
}

/** The part of an image's configuration that decides how it runs. */
export interface ImageConfig {
  readonly User?: string | undefined;
  readonly Entrypoint?: string | readonly string[] | null | undefined;
  readonly Env?: readonly string[] | null | undefined;
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What one of our images may contain. */
export interface ImageRules {
  readonly user: string;
  readonly entrypoint: string;
  /** Names of the executables in /usr/bin, /usr/sbin and /usr/local/bin. */
  readonly programs: readonly string[];
  /** Names of the variables that the image sets. */
  readonly variables: readonly string[];
}

const netfilter = ['', '-save', '-restore'].flatMap((command) => [
  `iptables-nft${command}`,
  `iptables-legacy${command}`,
]);

export const imageRules: Readonly<Record<'proxy' | 'proxy-init', ImageRules>> = {
  proxy: {
    user: '1501:1501',
    entrypoint: '/proxy',
    programs: ['node'],
    variables: ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_', 'NODE_OPTIONS', 'PATH'],
  },
  'proxy-init': {
    user: '65532:65532',
    entrypoint: '/proxy-init',
    programs: [
      ...['init-iptables.sh', 'ip', 'nft', 'node', 'xtables-legacy-multi', 'xtables-nft-multi'],
      ...netfilter,
    ],
    variables: ['PATH'],
  },
};

const documents = '/usr/share/doc/workload-identity-imds-proxy';

/** Where the bill of materials is, as `tar` names it. */
export const sbomPath = `${documents}/sbom.cdx.json`.slice(1);

/** Files without which an image must not be published: for the licences, and for scanners. */
const required = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/usr/share/doc/node/copyright',
  '/var/lib/dpkg/status.d/ca-certificates',
  '/var/lib/dpkg/status.d/libc6',
  `${documents}/LICENSE`,
  `${documents}/THIRD-PARTY-NOTICES`,
  `/${sbomPath}`,
];

/** Folders at the root. The engine adds the mount points of a container that it exports. */
const roots = new Set(
  ['app', 'bin', 'etc', 'lib', 'lib64', 'proxy', 'proxy-init', 'run', 'sbin', 'usr', 'var'].concat([
    'dev',
    'proc',
    'sys',
    '.dockerenv',
  ]),
);

/**
 * Judges an image by its files and its configuration.
 * @param passwd its /etc/passwd
 * @returns one line for each fault.
 */
export function findImageFaults(
  rules: ImageRules,
  files: readonly ImageFile[],
  config: ImageConfig,
  passwd: string,
): readonly string[] {
  const entrypoint = [config.Entrypoint ?? []].flat().join(' ');
  const paths = new Set(files.map(({ path }) => path));
  const programs = files
    .filter(({ path }) => /^\/usr\/(?:local\/)?s?bin\/[^/]+$/.test(path))
    .map(({ path }) => path.replace(/^.*\//, ''));
  return [
    ...files.flatMap(findFileFaults),
    ...required.filter((path) => !paths.has(path)).map((path) => `${path}: missing`),
    ...compare('program', programs, rules.programs),
    ...compare('variable', (config.Env ?? []).map(toName), rules.variables),
    ...findUserFaults(passwd),
    ...(config.User === rules.user ? [] : [`user: ${config.User}, not ${rules.user}`]),
    ...(entrypoint === rules.entrypoint
      ? []
      : [`entrypoint: ${entrypoint}, not ${rules.entrypoint}`]),
    ...Object.keys(config.Volumes ?? {}).map((path) => `volume: ${path}; an image writes nowhere`),
  ];
}

function findFileFaults({ path, mode, owner }: ImageFile): readonly string[] {
  const isLink = mode.startsWith('l');
  const top = path.split('/')[1] ?? '';
  return [
    ...(/^[-dl]/.test(mode) || /^\/dev\//.test(path) ? [] : [`${path}: not a file (${mode})`]),
    ...(owner === '0/0' ? [] : [`${path}: owned by ${owner}`]),
    ...(/[sS]/.test(mode) ? [`${path}: runs as its owner or group (${mode})`] : []),
    ...(!isLink && /^.{5}w|^.{8}w/.test(mode) ? [`${path}: writable by others (${mode})`] : []),
    ...(roots.has(top) ? [] : [`${path}: unexpected at the root`]),
  ];
}

function findUserFaults(passwd: string): readonly string[] {
  const lines = passwd.trim().split('\n');
  return [
    ...compare(
      'user',
      lines.map((line) => line.split(':')[0] ?? ''),
      ['root', 'nonroot', 'proxy'],
    ),
    ...lines.filter((line) => !line.endsWith('/none')).map((line) => `${line}: has a shell`),
  ];
}

function compare(
  kind: string,
  found: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  return [
    ...found.filter((name) => !wanted.includes(name)).map((name) => `${kind} ${name}: unexpected`),
    ...wanted.filter((name) => !found.includes(name)).map((name) => `${kind} ${name}: missing`),
  ];
}

function toName(variable: string): string {
  return variable.replace(/=.*$/s, '');
}

const line =
  /^(?<mode>[-dlhcbps][-rwxsStT]{9}) +(?<owner>\d+\/\d+) +\S+ +\S+ +\S+ (?<path>.*?)(?: (?:->|link to) .*)?$/;

/**
 * Reads what `tar --list --verbose --numeric-owner` prints.
 * @throws at a line that it cannot read, so that no file goes unjudged.
 */
export function parseTarList(listing: string): readonly ImageFile[] {
  return listing
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => {
      const { mode = '', owner = '', path = '' } = line.exec(text)?.groups ?? {};
      if (path === '') throw new Error(`not a line of tar's list: ${text}`);
      return { mode, owner, path: path.replace(/^(\.?\/)?/, '/') };
    });
}
