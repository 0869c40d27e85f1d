import type { ValueType } from '../../shared/option-table.ts';
import type { proxyOptions } from './options.ts';
import type { probeOptions } from './options-probe.ts';

type Options = Omit<typeof proxyOptions, keyof typeof probeOptions>;

type FlagOf<O> = O extends { readonly flag: infer Flag; readonly type: infer Type }
  ? {
      readonly flag: Flag;
      readonly type: Type extends ValueType<boolean>
        ? { readonly standsAlone: true }
        : { readonly standsAlone?: never };
    }
  : never;

/** The flags of the options that have one; the compiler keeps this complete and right. */
type Flags = {
  readonly [Key in keyof Options as Options[Key] extends { readonly flag: string }
    ? Key
    : never]: FlagOf<Options[Key]>;
};

/**
 * The flags that mean nothing to `--probe` and may stand beside it: their names only, because loading
 * what they mean would cost the probe a tenth of its time.
 */
export const otherFlags: Flags = {
  allowedHosts: { flag: 'allowed-hosts', type: {} },
  adminPort: { flag: 'admin-port', type: {} },
  adminAddress: { flag: 'admin-address', type: {} },
  regionalAuthority: { flag: 'regional-authority', type: {} },
  identities: { flag: 'identities', type: {} },
  allowedClientIds: { flag: 'allowed-client-ids', type: {} },
  allowedResources: { flag: 'allowed-resources', type: {} },
  identityBinding: { flag: 'identity-binding', type: {} },
  tokenProxyViaHttpProxy: { flag: 'token-proxy-via-http-proxy', type: { standsAlone: true } },
  passthrough: { flag: 'passthrough', type: {} },
  metadataEndpoint: { flag: 'metadata-endpoint', type: {} },
  exchangerLinger: { flag: 'exchanger-linger', type: {} },
  exchangerPrestart: { flag: 'exchanger-prestart', type: {} },
  drainQuiet: { flag: 'drain-quiet', type: {} },
  drainDeadline: { flag: 'drain-deadline', type: {} },
  logLevel: { flag: 'log-level', type: {} },
  runtimeMetrics: { flag: 'runtime-metrics', type: { standsAlone: true } },
};
