// The federated credentials of one managed identity that exists. federated-credentials.bicep uses it.
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
