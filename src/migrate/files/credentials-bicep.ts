import { createHash } from 'node:crypto';
import { groupBy } from '../group-by.ts';
import type { IssuedCredential } from './credentials-shell.ts';
import { toBicepString, toComment } from './quote.ts';

/** Name of the module that `renderCredentialsBicep` refers to. */
export const bicepModule = 'identity-credentials.bicep';

/**
 * The federated credentials of managed identities for a deployment at the scope of a subscription, which may reach
 * resource groups of other subscriptions. Credentials of one identity are created one after the other.
 */
export function renderCredentialsBicep(credentials: readonly IssuedCredential[]): string {
  const owners = groupBy(credentials, ({ subscription, resourceGroup, identity }) =>
    [subscription, resourceGroup, identity].join('/'),
  );
  const modules = [...owners].map(([owner, all]) => {
    const hash = createHash('sha256').update(owner.toLowerCase()).digest('hex').slice(0, 12);
    return renderModule(hash, all);
  });
  return `${head}${modules.join('')}`;
}

function renderModule(hash: string, all: readonly IssuedCredential[]): string {
  const [first] = all;
  const { subscription, resourceGroup, identity = '', clientId = '' } = first ?? {};
  const items = all.map(
    ({ name, issuer, subject, audience }) => `      {
        name: ${toBicepString(name)}
        issuer: ${toBicepString(issuer)}
        subject: ${toBicepString(subject)}
        audience: ${toBicepString(audience)}
      }
`,
  );
  const scope = [subscription ?? '', resourceGroup ?? ''].map(toBicepString).join(', ');
  return `
// ${toComment(identity)}, client ID ${toComment(clientId)}
module identity_${hash} '${bicepModule}' = {
  name: 'federated-credentials-${hash}'
  scope: resourceGroup(${scope})
  params: {
    identityName: ${toBicepString(identity)}
    credentials: [
${items.join('')}    ]
  }
}
`;
}

const head = `// The federated credentials of the managed identities. Deploy with:
//   az deployment sub create --location <LOCATION> --template-file federated-credentials.bicep
// az deployment sub what-if shows first what would change. Credentials that are there stay as they are.
// Credentials of applications are in federated-credentials.sh and federated-credentials.tf.
targetScope = 'subscription'
`;

/** The module of one identity. */
export const bicepModuleText = `// The federated credentials of one managed identity that exists. federated-credentials.bicep uses it.
param identityName string

param credentials array

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityName
}

// One after the other: concurrent writes to one identity are refused.
@batchSize(1)
resource federatedCredentials 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [
  for credential in credentials: {
    parent: identity
    name: credential.name
    properties: {
      issuer: credential.issuer
      subject: credential.subject
      audiences: [
        credential.audience
      ]
    }
  }
]
`;
