"""Apache OpenDAL, by its binding for Python: a library of Rust with a client of its own for Azure."""
import asyncio

import opendal

from answer import answer
from service import Service, next_name, storage_account

account = Service(storage_account, is_secure=False)


def create(_kind, _resource, _name, _value):
    container = next_name()
    # The other operator keeps Python's lock while it waits, and the service is in this process.
    files = opendal.AsyncOperator(
        "azblob", container=container, account_name="shop", endpoint=f"http://127.0.0.1:{account.port}"
    )

    async def list_container():
        return [entry async for entry in await files.list("/")]

    def get_token():
        asyncio.run(list_container())
        return account.token_of(container)

    return get_token


answer(create)
