import asyncio
import json
from time import time

from azure.core.credentials import AccessToken
from azure.identity.aio import (
    ChainedTokenCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
)

from answer import failure, read_arguments


class Fallback:
    async def get_token(self, *scopes, **kwargs):
        return AccessToken("fallback", int(time()) + 3600)

    async def close(self):
        pass


def managed(name, value):
    if name == "default":
        return ManagedIdentityCredential()
    if name == "client_id":
        return ManagedIdentityCredential(client_id=value)
    return ManagedIdentityCredential(identity_config={name: value})


KINDS = {
    "managed": managed,
    "default": lambda name, value: DefaultAzureCredential(),
    "after-unavailable": lambda name, value: ChainedTokenCredential(
        EnvironmentCredential(), managed(name, value)
    ),
    "before-fallback": lambda name, value: ChainedTokenCredential(
        managed(name, value), Fallback()
    ),
}


async def main():
    kind, rounds, resource, selectors = read_arguments()

    async def ask(selector):
        outcomes, credential = [], None
        for _ in range(rounds):
            try:
                credential = credential or KINDS[kind](*selector)
                token = await credential.get_token(resource + "/.default")
                outcomes.append({"token": token.token})
            except Exception as error:  # pylint: disable=broad-except
                outcomes.append(failure(error))
        if credential:
            await credential.close()
        return outcomes

    results = await asyncio.gather(*map(ask, selectors))
    print(json.dumps([outcome for result in results for outcome in result]))


asyncio.run(main())
