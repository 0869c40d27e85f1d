import json
import sys

from azure.identity import ManagedIdentityCredential

resource, name, value = (sys.argv[1:] + [None])[:3]
options = {
    "default": {},
    "client_id": {"client_id": value},
    "resource_id": {"identity_config": {"resource_id": value}},
}
try:
    credential = ManagedIdentityCredential(**options[name])
    print(json.dumps({"token": credential.get_token(resource + "/.default").token}))
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
