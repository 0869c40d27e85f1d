import msal
import requests

from answer import answer


class Refused(Exception):
    """MSAL for Python gives errors back rather than raising them."""


def create(kind, resource, name, value):
    identity = (
        msal.SystemAssignedManagedIdentity()
        if name == "default"
        else msal.UserAssignedManagedIdentity(**{name: value})
    )
    client = msal.ManagedIdentityClient(identity, http_client=requests.Session())

    def get_token():
        result = client.acquire_token_for_client(resource=resource)
        if "access_token" not in result:
            raise Refused(f"{result.get('error')}: {result.get('error_description')}")
        return result["access_token"]

    return get_token


answer(create)
