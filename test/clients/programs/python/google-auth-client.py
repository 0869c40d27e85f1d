"""Google's workload identity federation from Azure: the token of the metadata service is exchanged at Google."""
import json
import urllib.parse

from google.auth import identity_pool
from google.auth.transport.requests import Request

from answer import answer
from service import Service, next_name

METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"


def exchange(_method, _target, body):
    form = dict(urllib.parse.parse_qsl(body.decode()))
    audience = form["audience"].rsplit("/", 1)[-1]
    token_exchange.shown[audience] = form["subject_token"]
    answer_ = {
        "access_token": "of Google",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(answer_).encode()


token_exchange = Service(exchange, port=443, challenge=None)


def create(_kind, resource, name, value):
    query = {"api-version": "2018-02-01", "resource": resource}
    if name == "client_id":
        query["client_id"] = value
    provider = next_name()
    # What `gcloud iam workload-identity-pools create-cred-config --azure` writes.
    credentials = identity_pool.Credentials.from_info(
        {
            "type": "external_account",
            "audience": f"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/{provider}",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "url": f"{METADATA}?{urllib.parse.urlencode(query)}",
                "headers": {"Metadata": "True"},
                "format": {"type": "json", "subject_token_field_name": "access_token"},
            },
        }
    )

    def get_token():
        credentials.refresh(Request())
        assert credentials.token == "of Google"
        return token_exchange.token_of(provider)

    return get_token


answer(create)
