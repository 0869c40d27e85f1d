"""MSAL.NET, without Azure.Identity around it."""
import runtime

runtime.start()
runtime.load("Microsoft.Identity.Client")
# pylint: disable=wrong-import-position
from Microsoft.Identity.Client import ManagedIdentityApplicationBuilder
from Microsoft.Identity.Client.AppConfig import ManagedIdentityId

from answer import answer

IDENTITIES = {
    "client_id": ManagedIdentityId.WithUserAssignedClientId,
    "object_id": ManagedIdentityId.WithUserAssignedObjectId,
    "resource_id": ManagedIdentityId.WithUserAssignedResourceId,
}


def create(_kind, resource, name, value):
    identity = IDENTITIES[name](value) if name in IDENTITIES else ManagedIdentityId.SystemAssigned
    application = ManagedIdentityApplicationBuilder.Create(identity).Build()

    def get_token():
        return application.AcquireTokenForManagedIdentity(resource).ExecuteAsync().GetAwaiter().GetResult().AccessToken

    return get_token


answer(create)
