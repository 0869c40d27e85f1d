/** The CustomResourceDefinitions of AAD Pod Identity, with the fields of its version 1.8. */

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const number = { type: 'integer' };
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const object = (properties: object): object => ({ type: 'object', properties });

const specs: Readonly<Record<string, object>> = {
  AzureIdentity: object({
    type: number,
    clientID: text,
    clientPassword: object({ name: text, namespace: text }),
    resourceID: text,
    tenantID: text,
    auxiliaryTenantIDs: texts,
    adEndpoint: text,
    adResourceID: text,
  }),
  AzureIdentityBinding: object({ azureIdentity: text, selector: text, weight: number }),
  AzureAssignedIdentity: anything,
  AzurePodIdentityException: object({
    podLabels: { type: 'object', additionalProperties: text },
  }),
};

export const podIdentityDefinitions: readonly object[] = Object.entries(specs).map(
  ([kind, spec]) => {
    const plural = `${kind.toLowerCase().replace(/y$/, 'ie')}s`;
    const group = 'aadpodidentity.k8s.io';
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `${plural}.${group}`,
        // The API server wants it for groups below k8s.io.
        annotations: { 'api-approved.kubernetes.io': 'unapproved' },
      },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: object({ spec, status: anything }) },
          },
        ],
      },
    };
  },
);
