from time import time

from azure.core.credentials import AccessToken
from azure.identity import (
    ChainedTokenCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    __version__,
)

from answer import answer

# Until MSAL took over, the names of identity_config went to the wire as they were.
IS_OLD = int(__version__.split(".")[1]) < 16


class Fallback:
    def get_token(self, *scopes, **kwargs):
        return AccessToken("fallback", int(time()) + 3600)


def managed(name, value):
    if name == "default":
        return ManagedIdentityCredential()
    if name == "client_id":
        return ManagedIdentityCredential(client_id=value)
    if name == "resource_id" and IS_OLD:
        name = "msi_res_id"
    return ManagedIdentityCredential(identity_config={name: value})


def create(kind, resource, name, value):
    credential = {
        "managed": lambda: managed(name, value),
        "default": DefaultAzureCredential,
        "after-unavailable": lambda: ChainedTokenCredential(
            EnvironmentCredential(), managed(name, value)
        ),
        "before-fallback": lambda: ChainedTokenCredential(managed(name, value), Fallback()),
    }[kind]()
    return lambda: credential.get_token(resource + "/.default").token


answer(create)
