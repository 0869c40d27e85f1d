import type { LoadedConfig } from '../../proxy/config/config.ts';
import { type Check, type Evidence, type Finding, fail, ok, warn } from '../engine/check.ts';
import type { FoundProxy } from './running-proxy.ts';

/** The settings to examine, and where they come from. */
export interface Subject {
  readonly found: FoundProxy;
  readonly loaded: LoadedConfig;
}

/** Whether the proxy starts with its settings, and its warnings about them. */
export function createSettingsCheck(subject: Subject): Check {
  return { id: 'settings', run: async () => judgeSettings(subject) };
}

function judgeSettings({ found, loaded }: Subject): Finding {
  if (found.kind === 'several') {
    return fail(`several proxies run in this network namespace`, {
      evidence: { processes: found.pids.join(', ') },
      fix: `Name the one that is meant: proxy doctor --pid=${found.pids[0]}`,
    });
  }
  const evidence: Evidence = { 'settings of': describeOrigin(found) };
  const docs = 'docs/configuration.md';
  switch (loaded.kind) {
    case 'config': {
      const { fields, warnings } = loaded;
      const shown = { ...evidence, ...toEvidence(fields) };
      const [first, ...others] = warnings;
      if (first === undefined) return ok(describeIdentity(fields), { evidence: shown });
      const [fault, fix] = splitFix(first);
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      return warn(`${fault}${more}`, {
        evidence: {
          ...Object.fromEntries(others.map((text, index) => [`warning ${index + 2}`, text])),
          ...shown,
        },
        fix,
        docs,
      });
    }
    case 'invalid': {
      const [first = 'the settings are invalid', ...others] = loaded.errors;
      const [fault, fix] = splitFix(first);
      return fail(fault, {
        evidence: {
          ...evidence,
          ...Object.fromEntries(others.map((text, index) => [`fault ${index + 2}`, text])),
        },
        fix,
        docs,
      });
    }
    case 'usage':
      return fail(`the command line of the proxy is malformed: ${loaded.error}`, {
        evidence,
        fix: 'Correct the args of the container. proxy --help lists the flags.',
        docs,
      });
    case 'version':
    case 'help':
      return fail(`the command line of the proxy asks for --${loaded.kind} and serves nothing`, {
        evidence,
        fix: `Remove --${loaded.kind} from the args of the container.`,
        docs,
      });
  }
}

function describeOrigin(found: Subject['found']): string {
  if (found.kind !== 'found') return 'this process: no proxy is running here';
  const { pid, env } = found.proxy;
  return env === undefined
    ? `process ${pid} (flags) and this process (variables: this user may not read those of ${pid})`
    : `process ${pid}`;
}

/** Our messages have the form "fault; fix". */
function splitFix(message: string): readonly [fault: string, fix: string] {
  const at = message.indexOf('; ');
  if (at === -1) return [message, 'Correct this setting. proxy --help lists all of them.'];
  const fix = message.slice(at + 2);
  return [message.slice(0, at), `${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`];
}

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

function toEvidence(fields: Fields): Evidence {
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
    ),
  );
}

function describeIdentity(fields: Fields): string {
  const {
    client_id: clientId,
    tenant_id: tenantId,
    identities,
  } = fields as Fields & {
    client_id?: string;
    tenant_id?: string;
    identities?: number;
  };
  const more = !identities ? '' : `, and ${identities} in IMDS_PROXY_IDENTITIES`;
  return `client ID ${clientId ?? '(none)'} in tenant ${tenantId}${more}`;
}
