"""Microsoft's ODBC Driver 18 for SQL Server, called as a driver manager calls it."""
import ctypes
from pathlib import Path

import mssql_python_odbc

from answer import answer
from sql_server import SqlServer

[FILE] = (Path(mssql_python_odbc.__file__).parent / "libs/linux/debian_ubuntu/x86_64/lib").glob("libmsodbcsql-*")
driver = ctypes.CDLL(str(FILE))

ENVIRONMENT, CONNECTION = 1, 2
ODBC_VERSION, VERSION_3_80 = 200, 380
LOGIN_TIMEOUT, LOGIN_TIMEOUT_SECONDS = 103, 60
NO_PROMPT = 0


class OdbcError(Exception):
    """The diagnostic records of a call that has failed."""


def allocate(kind, parent):
    handle = ctypes.c_void_p()
    driver.SQLAllocHandle(ctypes.c_short(kind), parent, ctypes.byref(handle))
    return handle


def connect(text):
    environment = allocate(ENVIRONMENT, None)
    driver.SQLSetEnvAttr(environment, ODBC_VERSION, ctypes.c_void_p(VERSION_3_80), 0)
    connection = allocate(CONNECTION, environment)
    driver.SQLSetConnectAttrW(connection, LOGIN_TIMEOUT, ctypes.c_void_p(LOGIN_TIMEOUT_SECONDS), 0)
    wide = (text + "\0").encode("utf-16-le")
    try:
        if driver.SQLDriverConnectW(connection, None, wide, ctypes.c_short(-3), None, 0, None, NO_PROMPT) not in (0, 1):
            raise OdbcError("; ".join(read_diagnostics(connection)))
        driver.SQLDisconnect(connection)
    finally:
        driver.SQLFreeHandle(ctypes.c_short(CONNECTION), connection)
        driver.SQLFreeHandle(ctypes.c_short(ENVIRONMENT), environment)


def read_diagnostics(connection):
    state, message = ctypes.create_string_buffer(12), ctypes.create_string_buffer(4_000)
    native, length = ctypes.c_int(), ctypes.c_short()
    number = 1
    while driver.SQLGetDiagRecW(
        ctypes.c_short(CONNECTION), connection, ctypes.c_short(number), state,
        ctypes.byref(native), message, ctypes.c_short(2_000), ctypes.byref(length),
    ) in (0, 1):  # fmt: skip
        yield message.raw[: 2 * length.value].decode("utf-16-le")
        number += 1


def create(_kind, resource, name, value):
    # Whatever this is, the driver takes it for an object ID.
    identity = f";UID={value}" if name == "object_id" else ""

    def log_in():
        server = SqlServer(resource)
        try:
            connect(
                f"Driver={{ODBC Driver 18 for SQL Server}};Server=127.0.0.1,{server.port};Encrypt=yes"
                f";TrustServerCertificate=yes;Authentication=ActiveDirectoryMsi;ConnectRetryCount=0{identity}"
            )
        except OdbcError:
            # The server ends the login as soon as it has seen a token.
            if server.token is None:
                raise
        return server.token

    return log_in


answer(create)
