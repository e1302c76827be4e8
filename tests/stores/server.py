"""An S3 on this machine: the server of moto in a process of its own, and what is in it."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.waiting import wait_until

KEY, SECRET, TOKEN = "AKIDEXAMPLE0000", "secret-that-nobody-may-see", "token-that-nobody-may-see"


def free_port() -> int:
    """Give a port that nothing listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/").close()
    except OSError:
        return False
    return True


@contextmanager
def running_server() -> Iterator[int]:
    """Run the server, and give its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), server)
        yield port
    finally:
        server.kill()
        server.wait()


@dataclass(frozen=True)
class Bucket:
    """A bucket of the server, which the toolkit may see through another port."""

    port: int  # of the server
    name: str
    seen_at: int | None = None

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 3}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """What tells the toolkit where the store is."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.seen_at or self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": TOKEN,
            "AWS_REGION": "us-east-1",
        }

    def through(self, port: int) -> Bucket:
        """Give the bucket as the toolkit sees it through a proxy."""
        return replace(self, seen_at=port)

    def create(self) -> Bucket:
        self.client.create_bucket(Bucket=self.name)
        return self

    def uri(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, content: bytes | Path) -> None:
        if isinstance(content, Path):
            self.client.upload_file(str(content), self.name, key)
        else:
            self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def create_object(self, key: str, content: bytes) -> bool:
        """Put an object unless there is one; whether that was so."""
        try:
            self.client.put_object(Bucket=self.name, Key=key, Body=content, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
        except ClientError:
            return None

    def contents(self, prefix: str) -> dict[str, bytes | None]:
        """Give what is below a prefix."""
        return {key: self.get(key) for key in self.keys(prefix)}

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def uploads(self) -> list[str]:
        """Name the keys of uploads in parts that are neither complete nor given up."""
        found = self.client.list_multipart_uploads(Bucket=self.name)
        return [each["Key"] for each in found.get("Uploads", ())]
