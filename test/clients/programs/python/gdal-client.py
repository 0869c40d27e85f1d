"""GDAL's /vsiaz/, by rasterio: it opens a file of a container that has none."""
import os

import rasterio
from rasterio.errors import RasterioIOError

from answer import answer
from service import Service, next_name, storage_account

OPTIONS = {
    "client_id": "AZURE_IMDS_CLIENT_ID",
    "object_id": "AZURE_IMDS_OBJECT_ID",
    "resource_id": "AZURE_IMDS_MSI_RES_ID",
}

account = Service(storage_account, port=443)


def create(_kind, _resource, name, value):
    identity = {OPTIONS[name]: value} if name in OPTIONS else {}

    def open_file():
        container = next_name()
        # By default rasterio trusts the CAs of a package that it comes with.
        cas = os.environ["SSL_CERT_FILE"]
        with rasterio.Env(AZURE_STORAGE_ACCOUNT="shop", CURL_CA_BUNDLE=cas, GDAL_CURL_CA_BUNDLE=cas, **identity):
            try:
                rasterio.open(f"/vsiaz/{container}/file.tif").close()
            except RasterioIOError:
                # What it has read is no raster.
                if account.token_of(container) is None:
                    raise
        return account.token_of(container)

    return open_file


answer(create)
