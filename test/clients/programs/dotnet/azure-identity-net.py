"""Azure.Identity for .NET, with the clients of Key Vault and Blob Storage as their quick starts have them."""
import runtime

runtime.start()
runtime.load("System.Private.Uri", "Azure.Core", "Azure.Identity")
# pylint: disable=wrong-import-position
from System import DateTimeOffset, Func, Uri
from System.Threading import CancellationToken
from Azure.Core import AccessToken, DelegatedTokenCredential, ResourceIdentifier, TokenRequestContext
from Azure.Identity import (
    ChainedTokenCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    ManagedIdentityId,
)

from answer import answer


def managed(name, value):
    match name:
        case "client_id":
            return ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(value))
        case "object_id":
            return ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedObjectId(value))
        case "resource_id":
            return ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedResourceId(ResourceIdentifier(value)))
        case _:
            return ManagedIdentityCredential(ManagedIdentityId.SystemAssigned)


def fallback(_context, _cancellation):
    return AccessToken("fallback", DateTimeOffset.UtcNow.AddHours(1))


def create_credential(kind, name, value):
    match kind:
        case "default":
            return DefaultAzureCredential()
        case "after-unavailable":
            return ChainedTokenCredential(EnvironmentCredential(), managed(name, value))
        case "before-fallback":
            get = Func[TokenRequestContext, CancellationToken, AccessToken](fallback)
            return ChainedTokenCredential(managed(name, value), DelegatedTokenCredential.Create(get))
        case _:
            return managed(name, value)


def create(kind, resource, name, value):
    if name == "secret":
        runtime.load("Azure.Security.KeyVault.Secrets")
        from Azure.Security.KeyVault.Secrets import SecretClient  # pylint: disable=import-outside-toplevel

        vault = SecretClient(Uri(resource), DefaultAzureCredential())
        return lambda: vault.GetSecret(value).Value.Value
    if name == "blob":
        runtime.load("Azure.Storage.Blobs")
        from Azure.Storage.Blobs import BlobServiceClient  # pylint: disable=import-outside-toplevel

        container, blob = value.split("/")
        account = BlobServiceClient(Uri(resource), DefaultAzureCredential())
        client = account.GetBlobContainerClient(container).GetBlobClient(blob)
        return lambda: client.DownloadContent().Value.Content.ToString()
    credential = create_credential(kind, name, value)
    context = TokenRequestContext([f"{resource}/.default"])
    return lambda: credential.GetToken(context, getattr(CancellationToken, "None")).Token


answer(create)
