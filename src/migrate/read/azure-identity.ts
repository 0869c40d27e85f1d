import { isMap, type Value, type ValueMap } from '../../inject/manifest/value.ts';
import { nameValue } from '../../inject/option-types.ts';
import { tenantValue } from '../../shared/entra-values.ts';
import { isGuid } from '../../shared/guid.ts';
import { toFinding } from '../finding.ts';
import type { Finding, IdentityType } from '../plan.ts';
import type { AzureIdentity, ManagedIdentityResource, Named } from './cluster.ts';
import { textAt, toItems } from './documents.ts';

/** Whether Kubernetes takes a text as the name of an object. */
export function isObjectName(text: string): boolean {
  return nameValue.parse(text).ok;
}

/** pkg/apis/aadpodidentity/types.go: 0, 1 and 2. */
const types: readonly IdentityType[] = [
  'UserAssignedManagedIdentity',
  'ServicePrincipalSecret',
  'ServicePrincipalCertificate',
];

/**
 * The value of a field in whatever case it is written. Old versions wrote `clientid` and `ResourceID`, and Go's own
 * decoder did not mind.
 */
export function fieldOf(value: Value | undefined, name: string): Value | undefined {
  if (!isMap(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((one) => one.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : value[key];
}

export function textOf(value: Value | undefined, name: string): string | undefined {
  const field = fieldOf(value, name);
  if (typeof field === 'number' || typeof field === 'boolean') return String(field);
  return typeof field === 'string' && field.trim() !== '' ? field : undefined;
}

const fields = [
  'type',
  'clientID',
  'resourceID',
  'tenantID',
  'auxiliaryTenantIDs',
  'clientPassword',
  'azureIdentity',
  'selector',
  'podLabels',
];

/** Fields that have a known name in another case. */
function findOldSpellings(spec: Value | undefined): readonly Finding[] {
  if (!isMap(spec)) return [];
  const odd = Object.keys(spec).filter(
    (key) =>
      !fields.includes(key) && fields.some((name) => name.toLowerCase() === key.toLowerCase()),
  );
  if (odd.length === 0) return [];
  return [
    toFinding(
      'old-spelling',
      `${odd.join(', ')}: the spelling of an old version, which is understood here`,
      'no change is needed: the object goes away with AAD Pod Identity',
    ),
  ];
}

/** An AzureIdentity as its author meant it, with its oddities as findings. */
export function toAzureIdentity(value: ValueMap, named: Named): AzureIdentity {
  const spec = fieldOf(value, 'spec');
  const findings: Finding[] = [...findOldSpellings(spec)];
  const type = toType(fieldOf(spec, 'type'), findings);
  const secret = fieldOf(spec, 'clientPassword');
  const secretName = textOf(secret, 'name');
  const isManaged = type === 'UserAssignedManagedIdentity';
  return {
    ...named,
    type,
    clientId: toClientId(textOf(spec, 'clientID'), findings),
    resource: isManaged ? toResource(textOf(spec, 'resourceID'), findings) : undefined,
    objectId: undefined,
    tenantId: toTenant(textOf(spec, 'tenantID'), findings),
    auxiliaryTenantIds: toItems(fieldOf(spec, 'auxiliaryTenantIDs')).map(String),
    secret:
      secretName === undefined || isManaged || !isObjectName(secretName)
        ? undefined
        : { namespace: toNamespace(textOf(secret, 'namespace'), named), name: secretName },
    isNamespaced:
      textAt(value, ['metadata', 'annotations', 'aadpodidentity.k8s.io/Behavior']) === 'namespaced',
    isFromAssigned: false,
    findings,
  };
}

function toType(value: Value | undefined, findings: Finding[]): IdentityType | undefined {
  // Without the field Go's zero value counts: a managed identity.
  const number = value === undefined || value === null ? 0 : Number(value);
  const type = types[number];
  if (type === undefined) {
    findings.push(
      toFinding(
        'type-unknown',
        `its type is ${JSON.stringify(value)}, not 0 (managed identity), 1 (secret) or 2 (certificate)`,
        'correct spec.type',
      ),
    );
  }
  return type;
}

function toNamespace(text: string | undefined, { namespace }: Named): string {
  return text !== undefined && isObjectName(text) ? text : namespace;
}

function toTenant(text: string | undefined, findings: Finding[]): string | undefined {
  if (text === undefined) return undefined;
  const tenant = tenantValue.parse(text.trim());
  if (tenant.ok) return tenant.value;
  findings.push(
    toFinding(
      'tenant-invalid',
      `its tenantID ${JSON.stringify(text)} ${tenant.fault}`,
      'correct spec.tenantID, or pass --tenant-id',
    ),
  );
  return undefined;
}

function toClientId(text: string | undefined, findings: Finding[]): string | undefined {
  const clientId = text?.trim().toLowerCase();
  if (clientId === undefined || !isGuid(clientId)) {
    findings.push(
      toFinding(
        'client-id-invalid',
        text === undefined
          ? 'it has no clientID'
          : `its clientID is ${JSON.stringify(text)}, not a GUID`,
        'set spec.clientID to the output of az identity show --ids <RESOURCE_ID> --query clientId -o tsv',
      ),
    );
    return undefined;
  }
  if (clientId !== text) {
    findings.push(
      toFinding(
        'client-id-case',
        `its clientID is written ${JSON.stringify(text)}; AAD Pod Identity compared it exactly, the proxy in any case`,
        'no change is needed: the plan uses lower case',
      ),
    );
  }
  return clientId;
}

/**
 * MIC accepts more (pkg/utils/utils.go, ValidateResourceID). Names are those that Azure allows, so that no program takes
 * one for something else: an option, or the file that az reads for a value with `@`.
 */
const resourceIdPattern =
  /^\/subscriptions\/(\w[\w-]*)\/resourcegroups\/([\p{L}\p{N}_.()-]{0,89}[\p{L}\p{N}_()-])\/providers\/microsoft\.managedidentity\/userassignedidentities\/([a-z0-9][\w-]{0,127})\/?$/iu;

/** The parts of the resource ID of a managed identity; undefined if it is not one. */
export function parseResourceId(text: string): ManagedIdentityResource | undefined {
  const id = text.replace(/\s+/g, '');
  const [, subscription, resourceGroup, name] = resourceIdPattern.exec(id) ?? [];
  if (subscription === undefined || resourceGroup === undefined || name === undefined) {
    return undefined;
  }
  return { id: id.replace(/\/$/, ''), subscription, resourceGroup, name };
}

function toResource(
  text: string | undefined,
  findings: Finding[],
): ManagedIdentityResource | undefined {
  const resource = text === undefined ? undefined : parseResourceId(text);
  if (resource === undefined) {
    findings.push(
      toFinding(
        'resource-id-invalid',
        text === undefined
          ? 'it is a managed identity without a resourceID'
          : `its resourceID is ${JSON.stringify(text)}, not that of a managed identity`,
        'write it like /subscriptions/<SUBSCRIPTION>/resourcegroups/<GROUP>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<NAME> (az identity list --query "[].id")',
      ),
    );
  } else if (/\s/.test(text ?? '')) {
    findings.push(
      toFinding(
        'resource-id-space',
        `its resourceID has white space: ${JSON.stringify(text)}`,
        'no change is needed: the plan leaves it out',
      ),
    );
  }
  return resource;
}
