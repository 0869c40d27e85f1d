# The federated credentials of the identities. Use this folder with terraform init and terraform apply, or take the
# resources into your own configuration. Terraform refuses credentials that it did not create: import those, or use
# federated-credentials.sh, which keeps them.

terraform {
  required_version = ">= 1.3"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.67"
    }
    azuread = {
      source  = "hashicorp/azuread"
      version = ">= 3.0"
    }
  }
}

provider "azurerm" {
  subscription_id = "2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90"
  features {}
}

resource "azurerm_federated_identity_credential" "migration" {
  for_each = {
    "shop/shop-payments/shop-checkout-675de9db" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop-payments"
      name     = "shop-checkout-675de9db"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:shop:checkout"
      audience = "api://AzureADTokenExchange"
    }
    "billing/billing-ledger/billing-ledger-363fe1ea" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/billing/providers/Microsoft.ManagedIdentity/userAssignedIdentities/billing-ledger"
      name     = "billing-ledger-363fe1ea"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:billing:ledger"
      audience = "api://AzureADTokenExchange"
    }
    "shop/shop-orders/shop-orders-e1e72e50" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop-orders"
      name     = "shop-orders-e1e72e50"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:shop:orders"
      audience = "api://AzureADTokenExchange"
    }
    "platform/platform-storage/monitoring-metrics-export-18b1dcf5" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/platform/providers/Microsoft.ManagedIdentity/userAssignedIdentities/platform-storage"
      name     = "monitoring-metrics-export-18b1dcf5"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:monitoring:metrics-export"
      audience = "api://AzureADTokenExchange"
    }
    "platform/platform-storage/shop-catalog-1735b4bb" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/platform/providers/Microsoft.ManagedIdentity/userAssignedIdentities/platform-storage"
      name     = "shop-catalog-1735b4bb"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:shop:catalog"
      audience = "api://AzureADTokenExchange"
    }
    "platform/platform-storage/shop-checkout-675de9db" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/platform/providers/Microsoft.ManagedIdentity/userAssignedIdentities/platform-storage"
      name     = "shop-checkout-675de9db"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:shop:checkout"
      audience = "api://AzureADTokenExchange"
    }
    "platform/platform-storage/shop-export-fffa5a6c" = {
      identity = "/subscriptions/2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90/resourceGroups/platform/providers/Microsoft.ManagedIdentity/userAssignedIdentities/platform-storage"
      name     = "shop-export-fffa5a6c"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:shop:export"
      audience = "api://AzureADTokenExchange"
    }
  }

  name                      = each.value.name
  user_assigned_identity_id = each.value.identity
  issuer                    = each.value.issuer
  subject                   = each.value.subject
  audience                  = [each.value.audience]
}

provider "azuread" {
  tenant_id = "8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88"
}

data "azuread_application" "migration" {
  for_each = toset([
    "93e5f7b0-2d84-4c19-8f3b-6a1c0e9d5b55", # invoices
  ])

  client_id = each.key
}

resource "azuread_application_federated_identity_credential" "migration" {
  for_each = {
    "93e5f7b0-2d84-4c19-8f3b-6a1c0e9d5b55/billing-invoices-3cb145fd" = {
      client   = "93e5f7b0-2d84-4c19-8f3b-6a1c0e9d5b55"
      name     = "billing-invoices-3cb145fd"
      issuer   = "https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/"
      subject  = "system:serviceaccount:billing:invoices"
      audience = "api://AzureADTokenExchange"
    }
  }

  application_id = data.azuread_application.migration[each.value.client].id
  display_name   = each.value.name
  issuer         = each.value.issuer
  subject        = each.value.subject
  audiences      = [each.value.audience]
}
