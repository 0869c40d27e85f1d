import { isList, isMap, type Value, valueAt } from '../../inject/manifest/value.ts';
import { httpsUrlValue } from '../../inject/option-types.ts';
import { toAzureIdentity } from './azure-identity.ts';
import type { AzureIdentity, AzureIdentityBinding, AzurePodIdentityException } from './cluster.ts';
import { textAt, toItems } from './documents.ts';
import { toException } from './pod-identity.ts';

/** What the description of an AKS cluster says about pod identity. */
export interface AksPodIdentity {
  readonly identities: readonly AzureIdentity[];
  readonly bindings: readonly AzureIdentityBinding[];
  readonly exceptions: readonly AzurePodIdentityException[];
  readonly issuers: readonly string[];
  readonly isOn: boolean;
}

/**
 * Reads what `az aks pod-identity list`, `az aks pod-identity exception list`, `az aks show` and `az aks list` print as
 * JSON, and parts of that: all of them describe whole clusters.
 * @returns undefined if the value is something else.
 */
export function readAks(
  value: Value,
  place: { readonly file: string; readonly line: number },
): AksPodIdentity | undefined {
  const found: Value[] = [];
  const issuers: string[] = [];
  let isCluster = false;
  let isEnabled = false;
  for (const part of toItems(value)) {
    const cluster = isMap(part) && isMap(part['properties']) ? part['properties'] : part;
    const issuer = textAt(cluster, ['oidcIssuerProfile', 'issuerUrl']);
    if (issuer !== undefined && httpsUrlValue.parse(issuer).ok) issuers.push(issuer);
    const profile = valueAt(cluster, ['podIdentityProfile']);
    isEnabled ||= valueAt(profile, ['enabled']) === true;
    isCluster ||= isMap(cluster) && ('podIdentityProfile' in cluster || issuer !== undefined);
    const one = isMap(profile) ? profile : cluster;
    for (const key of ['userAssignedIdentities', 'userAssignedIdentityExceptions']) {
      const items = valueAt(one, [key]);
      if (isList(items)) found.push(...items);
      isCluster ||= isList(items) && !isMap(profile);
    }
    if (isPodIdentity(cluster) || isException(cluster)) found.push(cluster);
  }
  const identities = found.filter(isPodIdentity);
  const exceptions = found.filter(isException);
  const hasParts = identities.length + exceptions.length > 0;
  if (!isCluster && !hasParts) return undefined;
  const named = (one: Value, kind: string) => ({
    kind,
    namespace: textAt(one, ['namespace']) ?? 'default',
    name: textAt(one, ['name']) ?? '(no name)',
    ...place,
  });
  return {
    identities: identities.map((one) => ({
      ...toAzureIdentity(
        {
          spec: {
            type: 0,
            clientID: textAt(one, ['identity', 'clientId']) ?? null,
            resourceID: textAt(one, ['identity', 'resourceId']) ?? null,
          },
        },
        named(one, 'AzureIdentity'),
      ),
      objectId: textAt(one, ['identity', 'objectId'])?.toLowerCase(),
    })),
    bindings: identities.map((one) => {
      const { name, ...rest } = named(one, 'AzureIdentityBinding');
      // The name is the default of the selector.
      const selector = textAt(one, ['bindingSelector']) || name;
      return {
        ...rest,
        name: `${name}-binding`,
        identity: name,
        selector: { text: selector, isText: true },
        weight: 0,
      };
    }),
    exceptions: exceptions.map((one) =>
      toException(
        { spec: { podLabels: valueAt(one, ['podLabels']) ?? {} } },
        named(one, 'AzurePodIdentityException'),
      ),
    ),
    issuers,
    // Only the add-on has such parts.
    isOn: isEnabled || hasParts,
  };
}

function isPodIdentity(value: Value): boolean {
  return (
    textAt(value, ['name']) !== undefined &&
    textAt(value, ['namespace']) !== undefined &&
    isMap(valueAt(value, ['identity']))
  );
}

function isException(value: Value): boolean {
  return (
    textAt(value, ['name']) !== undefined &&
    textAt(value, ['namespace']) !== undefined &&
    isMap(valueAt(value, ['podLabels']))
  );
}
