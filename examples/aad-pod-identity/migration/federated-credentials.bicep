// The federated credentials of the managed identities. Deploy with:
//   az deployment sub create --location <LOCATION> --template-file federated-credentials.bicep
// az deployment sub what-if shows first what would change. Credentials that are there stay as they are.
// Credentials of applications are in federated-credentials.sh and federated-credentials.tf.
targetScope = 'subscription'

// shop-payments, client ID 0a9e3d5c-7c52-4f0b-8e61-51b0c9d24e22
module identity_6cd92f2f6ebb 'identity-credentials.bicep' = {
  name: 'federated-credentials-6cd92f2f6ebb'
  scope: resourceGroup('2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90', 'shop')
  params: {
    identityName: 'shop-payments'
    credentials: [
      {
        name: 'shop-checkout-675de9db'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:shop:checkout'
        audience: 'api://AzureADTokenExchange'
      }
    ]
  }
}

// billing-ledger, client ID 4e8a6c1f-90b7-4d25-a6e3-1d5f7b2c8a66
module identity_cca4b0705780 'identity-credentials.bicep' = {
  name: 'federated-credentials-cca4b0705780'
  scope: resourceGroup('2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90', 'billing')
  params: {
    identityName: 'billing-ledger'
    credentials: [
      {
        name: 'billing-ledger-363fe1ea'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:billing:ledger'
        audience: 'api://AzureADTokenExchange'
      }
    ]
  }
}

// shop-orders, client ID 6f1d1a36-5a3f-4b0e-9d0c-2f6b8f0d7a11
module identity_edfb6c4b9a4b 'identity-credentials.bicep' = {
  name: 'federated-credentials-edfb6c4b9a4b'
  scope: resourceGroup('2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90', 'shop')
  params: {
    identityName: 'shop-orders'
    credentials: [
      {
        name: 'shop-orders-e1e72e50'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:shop:orders'
        audience: 'api://AzureADTokenExchange'
      }
    ]
  }
}

// platform-storage, client ID b41c7d28-63e9-4a57-a2f4-9c3e1f5d8b33
module identity_725b262f4561 'identity-credentials.bicep' = {
  name: 'federated-credentials-725b262f4561'
  scope: resourceGroup('2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90', 'platform')
  params: {
    identityName: 'platform-storage'
    credentials: [
      {
        name: 'monitoring-metrics-export-18b1dcf5'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:monitoring:metrics-export'
        audience: 'api://AzureADTokenExchange'
      }
      {
        name: 'shop-catalog-1735b4bb'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:shop:catalog'
        audience: 'api://AzureADTokenExchange'
      }
      {
        name: 'shop-checkout-675de9db'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:shop:checkout'
        audience: 'api://AzureADTokenExchange'
      }
      {
        name: 'shop-export-fffa5a6c'
        issuer: 'https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/'
        subject: 'system:serviceaccount:shop:export'
        audience: 'api://AzureADTokenExchange'
      }
    ]
  }
}
