"""AWS for tests: moto's server on a free port, told what stands there; and answers that were recorded."""

import json
import logging
import urllib.request
from contextlib import contextmanager
from functools import cache

import boto3
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from portal import costs
from portal.kit.settings import Aws as Settings

REGION = "eu-central-1"
ACCOUNT = "123456789012"


@contextmanager
def server():
    """The address of a server that runs in this process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def forget(url):
    """Everything that stands there is gone."""
    _post(f"{url}/moto-api/reset", {})


def spends(url, *days):
    """What Cost Explorer will answer: for each day, what each (service, kind) cost, billed and effective."""
    told = [
        {
            "TimePeriod": {"Start": day, "End": day},
            "Groups": [
                {
                    "Keys": list(keys),
                    "Metrics": {
                        "UnblendedCost": {"Amount": billed, "Unit": "USD"},
                        "AmortizedCost": {"Amount": effective, "Unit": "USD"},
                    },
                }
                for keys, (billed, effective) in groups.items()
            ],
            "Estimated": True,
        }
        for day, groups in days
    ]
    results = [{"ResultsByTime": told, "DimensionValueAttributes": []}]
    _post(f"{url}/moto-api/static/ce/cost-and-usage-results", {"results": results})


def settings(url, **more):
    """How the server is reached."""
    told = {"region": REGION, "endpoint": url, "access_key_id": "a", "secret_access_key": "b", **more}
    return Settings(**told)


def environ(url, **more):
    """The same, as environment variables."""
    told = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION}
    return told | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} | more


@cache
def client(url, service, region=REGION):
    """The library itself, to put things there."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client(service, endpoint_url=url, region_name=region, **keys)


class Recorded:
    """A maker of clients that answer what was recorded: (operation, answer, what must be asked), in order.

    An answer that is a text is AWS's code of an error. Whose credentials they are it knows.
    """

    def __init__(self, service, *answers):
        self.asked = client.__wrapped__("http://127.0.0.1:9", service)
        self.service = service
        stubber = Stubber(self.asked)
        for operation, answer, *expected in answers:
            if isinstance(answer, str):
                stubber.add_client_error(operation, answer, f"{answer} was said.")
            else:
                stubber.add_response(operation, answer, *expected)
        stubber.activate()

    def client(self, service_name, **options):
        return self.asked if service_name == self.service else self

    def get_caller_identity(self):
        return {"Account": ACCOUNT}


def recorded(service, *answers):
    """AWS that answers so."""
    return costs.Aws(settings(None), Recorded(service, *answers))


@contextmanager
def lets(url, count):
    """So many questions are answered, and none after them, because nobody has a right to ask."""
    _post(f"{url}/moto-api/reset-auth", count)
    try:
        yield
    finally:
        _post(f"{url}/moto-api/reset-auth", "Infinity")


def _post(url, body):
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
