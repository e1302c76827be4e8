"""The clients of the stores, which obstore makes: credentials, time limits and retries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError, StoreError
from toolkit.stores.failures import hidden, translated
from toolkit.stores.uris import Location

# What obstore and boto3 read.
_SETTINGS = ("AWS_", "GOOGLE_", "AZURE_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Patience:
    """How long to wait for a store, in seconds."""

    answer: int  # for the next bytes, or for the whole of a request that sends many
    retry: int  # after the first request, until it is not tried again
    retries: int = 15


# A store that is dead is given up after about a minute. The request that sends a part of an upload
# takes as long as that needs.
READING = Patience(answer=20, retry=40)
WRITING = Patience(answer=120, retry=60, retries=30)
# Retries are by the caller, who has to know whether an earlier request may have been carried out.
CREATING = Patience(answer=120, retry=1, retries=0)
COPYING = Patience(answer=600, retry=1, retries=0)  # within the store, up to 5 GiB


def client(place: Location, patience: Patience = READING) -> Any:
    """Give the client of the bucket of a location; raises `MissingExtraError` without obstore."""
    MissingExtraError.check("cloud", "obstore")
    settings = tuple(
        sorted(each for each in os.environ.items() if each[0].upper().startswith(_SETTINGS))
    )
    try:
        return _client(place.root, patience, settings)
    except Exception as error:
        failed = translated(error, place, "opened")
        if failed is not None:
            raise failed from None
        if isinstance(error, StoreError | MissingExtraError):
            raise
        raise StoreError(f"{place}: cannot be opened: {hidden(str(error))}") from None


@lru_cache(64)
def _client(root: str, patience: Patience, settings: tuple[tuple[str, str], ...]) -> Any:
    """Make a client; the settings are in the environment, and make it another one."""
    from obstore.store import from_url

    named = dict(settings)
    options: dict[str, Any] = {"connect_timeout": timedelta(seconds=5)}
    limit = timedelta(seconds=patience.answer)
    if patience is READING:  # of a slow connection, as long as something comes
        options |= {"read_timeout": limit, "timeout": timedelta(minutes=10)}
    else:
        options["timeout"] = limit
    if any(
        value.lower().startswith("http://")
        for name, value in named.items()
        if "ENDPOINT" in name.upper() or "BASE_URL" in name.upper()
    ):
        options["allow_http"] = True
    retry = {
        "max_retries": patience.retries,
        "retry_timeout": timedelta(seconds=patience.retry),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    more: dict[str, Any] = {}
    if root.startswith("s3"):
        if "AWS_COPY_IF_NOT_EXISTS" not in named:  # S3 itself has no other way
            more["copy_if_not_exists"] = "multipart"
        if (provider := _profile(named)) is not None:
            more["credential_provider"] = provider
    make: Any = from_url  # whose types are by the kind of store
    return make(root, client_options=options, retry_config=retry, **more)


def _profile(named: dict[str, str]) -> Any:
    """Give the credentials of an AWS profile, which boto3 reads; None where others are named."""
    others = (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    )
    if any(named.get(name) for name in others):
        return None
    is_named = any(named.get(name) for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"))
    files = [
        Path(named.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")),
        Path(named.get("AWS_CONFIG_FILE", "~/.aws/config")),
    ]
    if not is_named and not any(file.expanduser().is_file() for file in files):
        return None
    if find_spec("boto3") is None:
        if not is_named:
            return None
        raise StoreError(
            "AWS_PROFILE: profiles are read by the package boto3, which is not installed. Install "
            "it with: pip install boto3"
        )
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    # Without keys in the profile, obstore asks the machine for some.
    return Boto3CredentialProvider(session) if session.get_credentials() is not None else None
