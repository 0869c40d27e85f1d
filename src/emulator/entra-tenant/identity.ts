import { toStableGuid } from '../stable-guid.ts';

/** Lets tokens of one issuer, subject and audience stand for an identity. All compared exactly. */
export interface FederatedCredential {
  readonly issuer: string;
  /** Such as `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subject: string;
  readonly audience: string;
}

/** A user-assigned managed identity or an app registration's service principal. */
export interface Identity {
  readonly name: string;
  readonly kind: 'managed-identity' | 'app-registration';
  readonly tenantId: string;
  readonly clientId: string;
  readonly objectId: string;
  /** ARM resource ID, that of managed identities alone. */
  readonly resourceId?: string | undefined;
  readonly disabled: boolean;
  readonly credentials: readonly FederatedCredential[];
}

/** A credential as requested. Missing fields are those of the pod's own token. */
export type CredentialInput = {
  readonly [Field in keyof FederatedCredential]?: string | undefined;
};

/** An identity as somebody asks for it: all but the name has a default. */
export type IdentityInput = Pick<Identity, 'name'> & {
  readonly [Field in Exclude<keyof Identity, 'credentials'>]?: Identity[Field] | undefined;
} & {
  readonly credentials?: readonly CredentialInput[] | undefined;
  readonly binding?: BindingState | undefined;
};

/** Whether a cluster with identity binding has one for an identity, and lets the pod's ServiceAccount use it. */
export type BindingState = 'allowed' | 'forbidden' | 'none';

/**
 * Fills in missing fields: IDs that follow from tenant and name, an ARM resource ID for a managed
 * identity, and one federated credential, `defaults.credential`.
 */
export function toIdentity(
  input: IdentityInput,
  defaults: { readonly tenantId: string; readonly credential: FederatedCredential },
): Identity {
  const { name, kind = 'managed-identity', disabled = false } = input;
  const tenantId = (input.tenantId ?? defaults.tenantId).toLowerCase();
  const identity = {
    name,
    kind,
    tenantId,
    clientId: (input.clientId ?? toStableGuid('client', tenantId, name)).toLowerCase(),
    objectId: (input.objectId ?? toStableGuid('object', tenantId, name)).toLowerCase(),
    disabled,
    credentials: (input.credentials ?? [{}]).map((credential) => ({
      issuer: credential.issuer ?? defaults.credential.issuer,
      subject: credential.subject ?? defaults.credential.subject,
      audience: credential.audience ?? defaults.credential.audience,
    })),
  };
  if (kind === 'app-registration') return identity;
  return { ...identity, resourceId: input.resourceId ?? toResourceId(tenantId, name) };
}

/** ARM resource ID of a managed identity, in the spelling that `xms_mirid` has. */
function toResourceId(tenantId: string, name: string): string {
  const subscription = toStableGuid('subscription', tenantId);
  return `/subscriptions/${subscription}/resourcegroups/emulated/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
}
