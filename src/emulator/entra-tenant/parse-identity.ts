import {
  InputError,
  listOf,
  oneOf,
  optional,
  parseBoolean,
  parseFields,
  parseGuid,
  parseText,
} from '../input.ts';
import type { CredentialInput, IdentityInput } from './identity.ts';

/**
 * Reads an identity that came from outside.
 * @throws InputError
 */
export function parseIdentity(value: unknown): IdentityInput {
  const fields = parseFields(value, 'an identity', [
    'name',
    'kind',
    'tenantId',
    'clientId',
    'objectId',
    'resourceId',
    'disabled',
    'credentials',
    'binding',
  ]);
  const identity: IdentityInput = {
    name: parseName(fields['name'], 'name'),
    kind: optional(fields, 'kind', oneOf(['managed-identity', 'app-registration'])),
    tenantId: optional(fields, 'tenantId', parseGuid),
    clientId: optional(fields, 'clientId', parseGuid),
    objectId: optional(fields, 'objectId', parseGuid),
    resourceId: optional(fields, 'resourceId', parseResourceId),
    disabled: optional(fields, 'disabled', parseBoolean),
    binding: optional(fields, 'binding', oneOf(['allowed', 'forbidden', 'none'])),
    credentials: optional(fields, 'credentials', listOf(parseCredential)),
  };
  if (identity.kind === 'app-registration' && identity.resourceId !== undefined) {
    throw new InputError('resourceId: an app registration has none; leave it out');
  }
  return identity;
}

function parseName(value: unknown, name: string): string {
  const text = parseText(value, name);
  if (/^[A-Za-z0-9][\w-]{0,127}$/.test(text)) return text;
  throw new InputError(
    `${name} must be 1 to 128 letters, digits, "-" and "_", and begin with a letter or digit`,
  );
}

function parseResourceId(value: unknown, name: string): string {
  const text = parseText(value, name);
  if (/^\/subscriptions\/[^\s]+$/i.test(text)) return text;
  throw new InputError(
    `${name} must be an ARM resource ID: /subscriptions/ID/resourcegroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME`,
  );
}

function parseCredential(value: unknown, name: string): CredentialInput {
  const fields = parseFields(value, name, ['issuer', 'subject', 'audience']);
  return {
    issuer: optional(fields, 'issuer', parseText),
    subject: optional(fields, 'subject', parseText),
    audience: optional(fields, 'audience', parseText),
  };
}
