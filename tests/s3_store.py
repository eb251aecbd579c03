"""An S3-compatible store on loopback that can go away and come back with everything it held."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class S3Store:
    """moto keeps buckets in the process, so a new server on the same port finds them again."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = {"endpoint": self.url, "allow_http": "true", "region": "us-east-1", **KEYS}

    def bucket(self, name: str) -> str:
        boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **KEYS).create_bucket(Bucket=name)
        return f"s3://{name}"

    def go_away(self) -> None:
        self._server.stop()

    def come_back(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()


@contextmanager
def s3_store() -> Iterator[S3Store]:
    store = S3Store()
    try:
        yield store
    finally:
        store.go_away()
