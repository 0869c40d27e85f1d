import { proxyOptions } from '../proxy/config/options.ts';
import { scanFlags } from '../shared/flags.ts';
import type { OptionTable, Values } from '../shared/option-table.ts';
import { isComplete, resolveOptions } from '../shared/options.ts';
import { allOptions, doctorOptions } from './options.ts';

/** What the command line asks for. */
export type DoctorCommand =
  | {
      readonly kind: 'run';
      readonly options: DoctorOptions;
      readonly files: readonly string[];
      readonly proxyFlags: readonly string[];
      /** The port of the proxy, if the command line names it. */
      readonly proxyPort: number | undefined;
    }
  | { readonly kind: 'help' }
  /** Malformed: one message for each fault. */
  | { readonly kind: 'usage'; readonly errors: readonly string[] };

export type DoctorOptions = Values<typeof doctorOptions>;

/**
 * Reads the arguments after `doctor`. Flags and files may be mixed. Flags of the proxy itself are returned as
 * they are, for its own parser.
 */
export function parseDoctorCommand(argv: readonly string[]): DoctorCommand {
  const texts = new Map<string, string>();
  const files: string[] = [];
  for (let rest = argv; rest.length > 0; ) {
    const scan = scanFlags(allOptions, rest);
    if (scan.kind === 'help') return { kind: 'help' };
    if (scan.kind === 'usage') return { kind: 'usage', errors: [scan.error] };
    for (const [key, text] of scan.texts) texts.set(key, text);
    const [file, ...others] = scan.rest;
    if (file !== undefined) files.push(file);
    rest = others;
  }
  const resolution = resolveOptions(doctorOptions, texts, {});
  if (!isComplete(resolution)) return { kind: 'usage', errors: resolution.errors };
  const options = resolution.values;
  const proxyFlags = toProxyFlags(texts);
  const { values, errors: faults } = resolveOptions(
    { proxyPort: proxyOptions.proxyPort },
    texts,
    {},
  );
  const errors = [...faults, ...findContradictions(options, files, proxyFlags)];
  if (errors.length > 0) return { kind: 'usage', errors };
  const proxyPort = texts.has('proxyPort') ? values.proxyPort : undefined;
  return { kind: 'run', options, files, proxyFlags, proxyPort };
}

/** The doctor looks from one place. */
function findContradictions(
  { issuer, tokenFile, publicKey, pid, asApp, bundle, log }: DoctorOptions,
  files: readonly string[],
  proxyFlags: readonly string[],
): readonly string[] {
  const errors: string[] = [];
  if (issuer === undefined) {
    if (tokenFile !== undefined) errors.push('--token-file needs --issuer');
    if (publicKey !== undefined) errors.push('--public-key needs --issuer');
  } else if (files.length > 0) {
    errors.push('--issuer reads no manifests; run the two apart');
  }
  if (asApp && (files.length > 0 || issuer !== undefined)) {
    errors.push('--as-app looks from a pod: leave out --issuer and files');
  }
  if (log !== undefined && bundle === undefined) errors.push('--log needs --bundle');
  if (log === '-' && files.includes('-')) {
    errors.push('standard input can be the log or the objects, not both; save one of them');
  }
  const ofSidecar = [...(pid === undefined ? [] : ['--pid']), ...proxyFlags];
  const [flag] = asApp ? ofSidecar.filter((one) => !one.startsWith('--proxy-port=')) : ofSidecar;
  if (flag !== undefined && (asApp || files.length > 0 || issuer !== undefined)) {
    errors.push(`${flag.replace(/=.*/s, '')} is for the sidecar; leave it out here`);
  }
  return errors;
}

function toProxyFlags(texts: ReadonlyMap<string, string>): readonly string[] {
  const table: OptionTable = allOptions;
  return [...texts]
    .filter(([key]) => !Object.hasOwn(doctorOptions, key))
    .map(([key, text]) => `--${table[key]?.flag}=${text}`);
}
