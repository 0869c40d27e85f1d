"""librdkafka with SASL OAUTHBEARER and the metadata-based authentication `azure_imds`, as Event Hubs is used."""
import os
import time
import urllib.parse

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from answer import answer
from kafka_broker import Broker

PATIENCE_SECONDS = 45


def create(_kind, resource, name, value):
    query = {"api-version": "2018-02-01", "resource": resource}
    if name in ("client_id", "object_id"):
        query[name] = value
    if name == "resource_id":
        query["msi_res_id"] = value
    problems = []
    broker = Broker()

    def list_topics():
        client = AdminClient(
            {
                "bootstrap.servers": f"localhost:{broker.port}",
                "security.protocol": "SASL_SSL",
                "ssl.ca.location": os.environ["SSL_CERT_FILE"],
                "sasl.mechanisms": "OAUTHBEARER",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.metadata.authentication.type": "azure_imds",
                "sasl.oauthbearer.config": f"query={urllib.parse.urlencode(query)}",
                "error_cb": problems.append,
                "logger": None,
                "log_level": 0,
            }
        )
        # The client tries on and on by itself; this is how long the application waits for it.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while broker.token is None and time.monotonic() < deadline:
            client.poll(0.1)
        if broker.token is None and problems:
            raise KafkaException(problems[-1])
        client.list_topics(timeout=10)
        return broker.token

    return list_topics


answer(create)
