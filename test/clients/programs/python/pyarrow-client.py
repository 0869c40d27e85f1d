"""Azure's SDK for C++, as pyarrow carries it: pandas, Polars and Dask read and write Parquet through it."""
from pyarrow.fs import AzureFileSystem, FileSelector

from answer import answer
from service import Service, next_name, storage_account

account = Service(storage_account)


def create(_kind, address, name, value):
    if name == "blob":
        files = AzureFileSystem(address.split("//")[1].split(".")[0])
        return lambda: files.open_input_file(value).read().decode()
    authority = f"localhost:{account.port}"
    identity = {"client_id": value} if name == "client_id" else {}
    files = AzureFileSystem(
        "shop", blob_storage_authority=authority, dfs_storage_authority=authority, **identity
    )

    def list_container():
        container = next_name()
        files.get_file_info(FileSelector(container))
        return account.token_of(container)

    return list_container


answer(create)
