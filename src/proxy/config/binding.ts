import type { Resolution } from '../../shared/options.ts';
import type { ExchangeMode, TokenProxyPeer } from '../entra/settings.ts';
import { proxyOptions } from './options.ts';
import { readSettingFile } from './read-setting-file.ts';
import { parseCertificates } from './values.ts';

/** The AKS token proxy, as checked at the start. */
export interface IdentityBinding extends TokenProxyPeer {
  /** What the CA file held at the start, if that was good: the first that exchanges may fall back to. */
  readonly checkedCaPem?: string | undefined;
}

/** What the variables mean together. */
export interface BindingResult {
  /** Of identities without one of their own. */
  readonly mode: ExchangeMode;
  /** There if any identity is in mode binding. */
  readonly binding: IdentityBinding | undefined;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

type Resolved = Pick<Resolution<typeof proxyOptions>, 'values' | 'names' | 'given'>;

/**
 * Applies the rules that the Azure SDKs apply to these variables, with one leniency: the 1.6.0 webhook sets
 * both CA variables when it is configured with CA data, but does not mount the file.
 */
export function toIdentityBinding({ values, names, given }: Resolved): BindingResult {
  const { tokenProxy, tokenProxySni, tokenProxyCaFile, tokenProxyCaData } = values;
  const { identityBinding: choice = 'auto', identities = [] } = values;
  const isSet = given.has('tokenProxy');
  const mode = choice === 'on' || (choice === 'auto' && isSet) ? 'binding' : 'federation';
  const wanting = identities.find((identity) => identity.mode === 'binding');
  const without = (...errors: string[]): BindingResult => ({
    mode,
    binding: undefined,
    errors,
    warnings: [],
  });
  // Off is the way out when what was injected is at fault.
  if (choice === 'off' && wanting === undefined) return without();
  if (!isSet) {
    if (wanting !== undefined) {
      return without(
        `${names.identities}: ${wanting.clientId} has the mode binding, but AZURE_KUBERNETES_TOKEN_PROXY is not set; set it, or remove the mode`,
      );
    }
    if (choice === 'on') {
      return without(
        `${names.identityBinding}: on, but AZURE_KUBERNETES_TOKEN_PROXY is not set; put the annotation azure.workload.identity/use-identity-binding: "true" on the pod, which has the webhook set it`,
      );
    }
    const stray = (['tokenProxySni', 'tokenProxyCaFile', 'tokenProxyCaData'] as const)
      .filter((key) => given.has(key))
      .map((key) => proxyOptions[key].env);
    if (stray.length === 0) return without();
    return without(
      `AZURE_KUBERNETES_TOKEN_PROXY not set, but ${stray.join(' and ')}; set it, or unset the rest`,
    );
  }

  const { ca, checkedCaPem, errors, warnings } = toCa(tokenProxyCaFile, tokenProxyCaData);
  if (tokenProxy === undefined) return { mode, binding: undefined, errors, warnings };
  return {
    mode,
    binding: { url: tokenProxy, serverName: tokenProxySni, ca, checkedCaPem },
    errors,
    warnings,
  };
}

interface CaResult {
  readonly ca: IdentityBinding['ca'];
  readonly checkedCaPem?: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

function toCa(path: string | undefined, pem: string | undefined): CaResult {
  const done = (
    ca: IdentityBinding['ca'],
    errors: string[] = [],
    warnings: string[] = [],
  ): CaResult => ({
    ca,
    errors,
    warnings,
  });
  if (path === undefined) {
    return done(pem === undefined ? { kind: 'system' } : { kind: 'data', pem });
  }

  const key = `AZURE_KUBERNETES_CA_FILE: ${JSON.stringify(path)}`;
  const file = { kind: 'file', path } as const;
  const found = readSettingFile(path);
  if (!found.ok) {
    if (pem !== undefined && found.code === 'ENOENT') {
      return done(
        { kind: 'data', pem },
        [],
        [`${key} does not exist; AZURE_KUBERNETES_CA_DATA is used in its place`],
      );
    }
    const isOther = found.code === 'EINVAL' || found.code === 'EFBIG';
    const remedy = isOther ? 'name the CA of the token proxy in PEM' : 'mount the CA there';
    return done(file, [`${key} ${found.fault}; ${remedy}, or unset the variable`]);
  }
  if (pem !== undefined) {
    return done(file, [
      `${key} and AZURE_KUBERNETES_CA_DATA exclude each other; unset one of them`,
    ]);
  }
  if (found.content.trim() === '') {
    // It is so for a moment while the kubelet or an operator replaces it.
    return done(
      file,
      [],
      [`${key} is empty; exchanges fail until it holds the CA of the token proxy`],
    );
  }
  const parsed = parseCertificates(found.content);
  if (parsed.ok) return { ...done(file), checkedCaPem: parsed.value };
  return done(file, [`${key}${parsed.at ?? ''} ${parsed.fault}; ${parsed.fix}`]);
}
