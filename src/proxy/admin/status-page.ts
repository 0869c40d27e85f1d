import type { Option } from '../../shared/option-table.ts';
import { buildInfo } from '../../shared/version.ts';
import type { Clock } from '../clock.ts';
import { showSetting } from '../config/config.ts';
import { toIdentityPolicy } from '../config/identities.ts';
import { proxyOptions } from '../config/options.ts';
import type { ProxyConfig, Settings } from '../config/proxy-config.ts';
import type { KeyStatus } from '../token/key-status.ts';
import { formatReadiness, type Readiness } from './readiness.ts';

/** Everything that `/statusz` says. Never a token, an assertion or the value of a secret setting. */
export interface Status {
  readonly version: string;
  readonly revision: string;
  readonly node: string;
  readonly uptimeSeconds: number;
  /** Settings that differ from their defaults, by the name of their variable or flag. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly identities: readonly StatusIdentity[];
  readonly readiness: Readiness;
  readonly keys: readonly KeyStatus[];
  readonly nowSeconds: number;
}

export interface StatusIdentity {
  readonly clientId: string;
  readonly tenantId: string;
  readonly isDefault: boolean;
}

/** Both forms of the page. */
export interface StatusPage {
  readonly text: Buffer;
  readonly json: Buffer;
}

export interface StatusDeps {
  readonly clock: Clock;
  readonly config: ProxyConfig;
  readonly keys: () => readonly KeyStatus[];
  readonly checkReadiness: () => Promise<Readiness>;
}

/** Renders the state of the proxy now. */
export async function renderStatus(deps: StatusDeps): Promise<StatusPage> {
  const status = await toStatus(deps);
  return {
    text: Buffer.from(formatStatus(status)),
    json: Buffer.from(`${JSON.stringify(status)}\n`),
  };
}

async function toStatus({ clock, config, keys, checkReadiness }: StatusDeps): Promise<Status> {
  const { defaultIdentity, identities } = toIdentityPolicy(config);
  return {
    version: buildInfo.version,
    revision: buildInfo.revision,
    node: process.version,
    uptimeSeconds: Math.floor(process.uptime()),
    settings: listChangedSettings(config),
    identities: identities.map(({ clientId, tenantId }) => ({
      clientId,
      tenantId,
      isDefault: clientId === defaultIdentity?.clientId,
    })),
    readiness: await checkReadiness(),
    keys: keys(),
    nowSeconds: Math.floor(clock.epochMs() / 1_000),
  };
}

function listChangedSettings(config: ProxyConfig): Status['settings'] {
  const changed: Record<string, string | number | boolean> = {};
  for (const [key, option] of Object.entries<Option>(proxyOptions)) {
    const value: unknown = config[key as keyof Settings];
    const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
    if (!isSet || option.env === undefined || option.retired !== undefined) continue;
    const shown = showSetting(option, value);
    if (shown !== findDefault(option)) changed[option.env] = shown;
  }
  return changed;
}

function findDefault(option: Option): string | number | boolean | undefined {
  if (option.default === undefined) return undefined;
  const parsed = option.type.parse(option.default);
  return parsed.ok ? showSetting(option, parsed.value) : undefined;
}

/** Pure: the page as text, for `kubectl port-forward` and `curl`. */
export function formatStatus(status: Status): string {
  const { version, revision, node, uptimeSeconds, settings, identities, keys, nowSeconds } = status;
  const withToken = keys.filter(({ expiresAtSeconds }) => expiresAtSeconds !== undefined).length;
  const failing = keys.flatMap((key) => (key.failing === undefined ? [] : [key.failing]));
  return [
    `workload-identity-imds-proxy ${version} (${revision.slice(0, 12)}), Node.js ${node}`,
    `up ${formatSeconds(uptimeSeconds)}`,
    '',
    formatReadiness(status.readiness).trimEnd(),
    '',
    'Settings that differ from their defaults:',
    ...formatList(Object.entries(settings).map(([name, value]) => `${name}=${value}`)),
    '',
    'Identities:',
    ...formatList(
      identities.map(
        ({ clientId, tenantId, isDefault }) =>
          `${clientId} in tenant ${tenantId}${isDefault ? ' (default)' : ''}`,
      ),
    ),
    '',
    `Keys: ${keys.length}, ${withToken} with a token`,
    ...keys.map((key) => `  ${formatKey(key, nowSeconds)}`),
    '',
    'Failures:',
    ...formatList(failing.flatMap((failure) => formatFailure(failure, nowSeconds))),
    '',
  ].join('\n');
}

function formatList(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['  none'] : lines.map((line) => `  ${line}`);
}

function formatKey(key: KeyStatus, nowSeconds: number): string {
  const { identity, resource, expiresAtSeconds, nextRenewalAtSeconds, isExchanging } = key;
  const inSeconds = (atSeconds: number): string =>
    formatSeconds(Math.max(0, atSeconds - nowSeconds));
  const parts = [
    expiresAtSeconds === undefined ? 'no token' : `expires in ${inSeconds(expiresAtSeconds)}`,
    nextRenewalAtSeconds !== undefined && `renewal in ${inSeconds(nextRenewalAtSeconds)}`,
    isExchanging && 'exchange running',
    key.failing !== undefined && 'failing',
  ];
  return `${identity.clientId} ${resource}: ${parts.filter(Boolean).join(', ')}`;
}

function formatFailure(
  failure: NonNullable<KeyStatus['failing']>,
  nowSeconds: number,
): readonly string[] {
  const { identity, resource, code, aadsts, message, hint, remedy, failures } = failure;
  const { sinceSeconds, nextRetryAtSeconds, retriesByItself } = failure;
  const number = aadsts === undefined ? '' : ` AADSTS${aadsts}`;
  const retry = formatSeconds(Math.max(0, nextRetryAtSeconds - nowSeconds));
  const since = formatSeconds(Math.max(0, nowSeconds - sinceSeconds));
  return [
    `${identity.clientId} ${resource}: ${code}${number}`,
    `  ${message}`,
    `  ${failures} in a row for ${since}; ${
      retriesByItself ? `next retry in ${retry}` : `asked again by the first request after ${retry}`
    }`,
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...(remedy === undefined ? [] : [`  command: ${remedy}`]),
  ];
}

/** Such as `3 h 12 min`: the two largest units. */
function formatSeconds(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  const at = units.findIndex(([size]) => seconds >= size);
  if (at === -1) return '0 s';
  let rest = seconds;
  return units
    .slice(at, at + 2)
    .flatMap(([size, unit]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? [] : [`${count} ${unit}`];
    })
    .join(' ');
}
