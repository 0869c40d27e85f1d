import type { Values } from '../../shared/option-table.ts';
import type { ExchangeMode } from '../entra/settings.ts';
import type { IdentityBinding } from './binding.ts';
import type { ConfiguredIdentity } from './identities.ts';
import type { proxyOptions } from './options.ts';

/** The value of every setting, by its key in the table of options. */
export type Settings = Values<typeof proxyOptions>;

/** The value of every setting, by its key in the table of options, and the values that follow from several of them. */
export type ProxyConfig = Settings & {
  readonly identities: readonly ConfiguredIdentity[];
  /** For identities without their own mode. */
  readonly exchangeMode: ExchangeMode;
  /** The AKS token proxy; undefined if no identity uses it. */
  readonly binding: IdentityBinding | undefined;
};
