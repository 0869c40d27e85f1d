"""DuckDB's extension azure, which has Azure's SDK for C++ as well."""
from pathlib import Path

import duckdb
import duckdb_extension_azure

from answer import answer
from service import Service, next_name, storage_account

OPTIONS = {"client_id": "CLIENT_ID", "object_id": "OBJECT_ID", "resource_id": "RESOURCE_ID"}
[EXTENSION] = Path(duckdb_extension_azure.__file__).parent.glob("extensions/*/azure.duckdb_extension")

account = Service(storage_account, port=443)


def create(kind, address, name, value):
    database = duckdb.connect()
    database.execute(f"LOAD '{EXTENSION}'")
    # By default the extension does not use the library that knows where the system keeps its CAs.
    database.execute("SET azure_transport_option_type = 'curl'")
    identity = f", {OPTIONS[name]} '{value}'" if name in OPTIONS else ""
    provider = "credential_chain, CHAIN 'default'" if kind == "default" else "managed_identity"
    database.execute(f"CREATE SECRET (TYPE azure, PROVIDER {provider}, ACCOUNT_NAME 'shop'{identity})")
    if name == "blob":
        return lambda: database.execute(f"SELECT content FROM read_text('azure://{value}')").fetchone()[0]

    def list_container():
        container = next_name()
        database.execute(f"SELECT * FROM glob('azure://{container}/*')").fetchall()
        return account.token_of(container)

    return list_container


answer(create)
