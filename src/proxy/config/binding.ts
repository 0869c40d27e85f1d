import type { Resolution } from '../../shared/options.ts';
import type { ExchangeMode, TokenProxyPeer } from '../entra/settings.ts';
import { proxyOptions } from './options.ts';
import { readSettingFile } from './read-setting-file.ts';
import { parseCertificates } from './values.ts';

/** The AKS token proxy, as checked at startup. */
export interface IdentityBinding extends TokenProxyPeer {
  /** The content of the CA file at startup, if it was valid: exchanges use it while the file is not. */
  readonly checkedCaPem?: string | undefined;
}

/** What the variables of identity binding mean together. */
export interface BindingResult {
  /** For identities without their own mode. */
  readonly mode: ExchangeMode;
  /** Undefined if no identity uses identity binding. */
  readonly binding: IdentityBinding | undefined;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

type Resolved = Pick<Resolution<typeof proxyOptions>, 'values' | 'names' | 'given'>;

/**
 * Applies the rules of the Azure SDKs to these variables, with one exception: the 1.6.0 webhook sets both CA
 * variables if it is configured with CA data, but does not mount the file. That is a warning, not an error.
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
  // Off must work although the injected variables are wrong.
  if (choice === 'off' && wanting === undefined) return without();
  if (!isSet) {
    if (wanting !== undefined) {
      return without(
        `${names.identities}: ${wanting.clientId} has the mode binding, but AZURE_KUBERNETES_TOKEN_PROXY is not set; set it, or remove the mode`,
      );
    }
    if (choice === 'on') {
      return without(
        `${names.identityBinding}: on, but AZURE_KUBERNETES_TOKEN_PROXY is not set; set the annotation azure.workload.identity/use-identity-binding: "true" on the pod, so that the webhook sets it`,
      );
    }
    const stray = (['tokenProxySni', 'tokenProxyCaFile', 'tokenProxyCaData'] as const)
      .filter((key) => given.has(key))
      .map((key) => proxyOptions[key].env);
    if (stray.length === 0) return without();
    return without(
      `AZURE_KUBERNETES_TOKEN_PROXY: not set, but ${stray.join(' and ')} ${stray.length === 1 ? 'is' : 'are'}; set it, or remove the rest`,
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
        [`${key} does not exist; the proxy uses AZURE_KUBERNETES_CA_DATA instead`],
      );
    }
    const isOther = found.code === 'EINVAL' || found.code === 'EFBIG';
    const remedy = isOther ? 'set the path of the CA in PEM' : 'mount the CA there';
    return done(file, [`${key} ${found.fault}; ${remedy}, or remove the variable`]);
  }
  if (pem !== undefined) {
    return done(file, [`${key} and AZURE_KUBERNETES_CA_DATA are both set; remove one of them`]);
  }
  if (found.content.trim() === '') {
    // It is empty for a moment while the kubelet or an operator replaces it.
    return done(
      file,
      [],
      [`${key} is empty; exchanges fail until it contains the CA of the token proxy`],
    );
  }
  const parsed = parseCertificates(found.content);
  if (parsed.ok) return { ...done(file), checkedCaPem: parsed.value };
  return done(file, [`${key}${parsed.at ?? ''} ${parsed.fault}; ${parsed.fix}`]);
}
