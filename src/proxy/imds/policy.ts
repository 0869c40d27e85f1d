import type { Identity } from '../exchange.ts';

/** An identity that requests may ask for by any of its names. */
export interface KnownIdentity extends Identity {
  /** The principal's object ID, in lower case; found by `object_id`. */
  readonly objectId?: string | undefined;
  /** The ARM resource ID, in lower case; found by `msi_res_id` and `mi_res_id`. */
  readonly resourceId?: string | undefined;
}

/** Which identities and resources requests may name, from the configuration. */
export interface IdentityPolicy {
  /** Answers requests that name no identity; `AZURE_CLIENT_ID`. */
  readonly defaultIdentity: KnownIdentity | undefined;
  /** Every configured identity, the default one included. */
  readonly identities: readonly KnownIdentity[];
  /** The tenant of a client ID that is in no map. */
  readonly defaultTenantId: string;
  /** If set, the only client IDs (lower case) that may be asked for; the rest are refused unasked. */
  readonly allowedClientIds: ReadonlySet<string> | undefined;
  /** If set, the only resources that may be asked for, as the configuration spells them. */
  readonly allowedResources: readonly string[] | undefined;
}
