"""The clients of the stores, made by obstore, and the meaning of their errors."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from toolkit.errors import MissingExtraError, StoreError
from toolkit.stores.location import Location

_SECRETS = re.compile("KEY|SECRET|TOKEN|SAS|CREDENTIAL|PASSWORD|SIGNATURE", re.I)
_SHORTEST_SECRET = 6
_LONGEST = 200  # characters of a store's message

# For each store: how to give credentials, the variables of its address, and what has its buckets.
_WORDS = {
    "s3": (
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (which needs boto3)",
        "AWS_ENDPOINT_URL, AWS_REGION",
        "the region",
    ),
    "gs": (
        "Set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
        "GOOGLE_BASE_URL",
        "the project",
    ),
    "az": (
        "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or another credential",
        "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ENDPOINT",
        "the account",
    ),
}
_NO_BUCKET = r"NoSuchBucket|ContainerNotFound|bucket does not exist"
_DENIED = "<Code>(?:AccessDenied|Authorization(?:Failure|PermissionMismatch))</Code>"
_EXPIRED = r"ExpiredToken|token (?:is|has) expired|RequestTimeTooSkewed"
_REFUSED = (
    "InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|401 Unauthor|Unauthenticated"
    "|AuthenticationFailed|failed to authenticate the request"
)
_UNREADABLE = "service account (?:file|key)|pem file|Invalid Access Key"
_MISSING = (
    r"169\.254\.169\.254|169\.254\.170|metadata\.google|token request|MissingAccount"
    r"|Account must be specified|[Nn]o (?:valid )?credentials|Missing ?(?:Cred|Access|Secret)"
)
_ELSEWHERE = r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocation|301 Moved|redirect"
_ADDRESS = "Check the address ({address}) and"
# A part of obstore's message, what it means, and what to do. The first part that is found counts.
_REMEDIES = (
    (_NO_BUCKET, "no such bucket", "Check the name and {owner}"),
    (_EXPIRED, "the credentials have expired, or the clock is wrong", "Renew them"),
    (_REFUSED, "the credentials are refused", "Check the keys in the environment or the profile"),
    (_UNREADABLE, "the credentials cannot be read", "{credentials}"),
    (_MISSING, "no credentials found", "{credentials}"),
    (_ELSEWHERE, "the bucket is in another region", "Set AWS_REGION"),
    ("Connection ?[Rr]efused", "the connection is refused", f"{_ADDRESS} whether the store runs"),
    ("dns error|failed to lookup|not known", "the host is not found", f"{_ADDRESS} the network"),
    ("HTTP is disallowed|scheme is not allowed", "http:// is not allowed", "Use https://"),
    ("builder error", "the address cannot be used", "Check it ({address})"),
    ("TimedOut|timed out", "it does not answer in time", "Check the network"),
    ("error sending request|[Rr]eset|decoding response body|IncompleteMessage",
     "the connection is cut again and again", "Check the network"),
    ("SlowDown|503 Service|429 Too Many", "it is too busy", "Try again later"),
)  # fmt: skip


@contextmanager
def store_failures(location: Location, action: str) -> Iterator[None]:
    """Turn errors of obstore into `StoreError`, or into the `OSError` that they mean.

    These are `FileNotFoundError`, `FileExistsError` and `PermissionError`. ``action`` is a
    verb for the message, such as "read".
    """
    try:
        yield
    except Exception as error:
        failed = translated(error, location, action)
        if failed is None:
            raise
        raise failed from None


def translated(error: Exception, location: Location, action: str) -> Exception | None:
    """Return the error to raise for an error of obstore; None for other errors."""
    text = str(error)
    name = type(error).__name__
    is_of_obstore = type(error).__module__.startswith("obstore")
    # obstore also raises plain `OSError`s; they have no error number.
    if not is_of_obstore and not (isinstance(error, OSError) and error.errno is None):
        return None
    is_no_bucket = re.search(_NO_BUCKET, text) is not None
    if name == "AlreadyExistsError":
        return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(location))
    if isinstance(error, FileNotFoundError) and not is_no_bucket:
        return FileNotFoundError(errno.ENOENT, "no such object", str(location))
    is_denied = name == "PermissionDeniedError" or re.search(_DENIED, text)
    if is_denied and not re.search(f"{_EXPIRED}|{_REFUSED}", text):
        said = _said(text)
        return PermissionError(
            errno.EACCES, f"the store denies access{f' ({said})' if said else ''}", str(location)
        )
    return StoreError(f"{location}: cannot be {action}: {_explained(text, location.scheme)}")


def _explained(text: str, scheme: str) -> str:
    said = _said(text)
    credentials, address, owner = _WORDS.get(scheme[:2], _WORDS["az"])
    for pattern, what, remedy in _REMEDIES:
        if re.search(pattern, text):
            what_to_do = remedy.format(credentials=credentials, address=address, owner=owner)
            return f"{what}{f' ({said})' if said else ''}. {what_to_do}"
    return said or hidden(text.partition("\n")[0])[:_LONGEST]


def _said(text: str) -> str:
    """Return the code and message in the answer of a store, or its HTTP status."""
    code = re.search("<Code>([^<]{1,80})</Code>", text)
    message = re.search("<Message>([^<]{1,300})</Message>", text)
    if code is not None:
        words = message[1].partition("RequestId:")[0].split() if message else []  # of Azure
        said = f"{code[1]}: {' '.join(words)}" if words else code[1]
        return hidden(said)[:_LONGEST]
    status = re.search("status code: ([0-9]{3} [A-Za-z ]{1,40})", text)
    return status[1].strip() if status else ""


def hidden(text: str) -> str:
    """Return a text without addresses and without values that may be secret."""
    text = re.sub(r"(https?://)(?:[^\s/@]*@)?([^\s/?]*)\S*", r"\1\2", text)
    for name, value in os.environ.items():
        if _SECRETS.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text


# What obstore and boto3 read.
_SETTINGS = ("AWS_", "GOOGLE_", "AZURE_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Patience:
    """How long to wait for a store, in seconds."""

    answer: int  # for the next bytes when reading, or for a whole request when writing
    retry: int  # after the first request; until then, it is retried
    retries: int = 15  # most retries


# A store that does not answer is given up after about a minute. A request that uploads a part may
# take longer.
READING = Patience(answer=20, retry=40)
WRITING = Patience(answer=120, retry=60, retries=30)
# The caller retries, as it has to know whether an earlier request may have been carried out.
CREATING = Patience(answer=120, retry=1, retries=0)
COPYING = Patience(answer=600, retry=1, retries=0)  # within the store, up to 5 GiB


def client(location: Location, patience: Patience = READING) -> Any:
    """Return the client for the bucket of a location; raise `MissingExtraError` without obstore."""
    MissingExtraError.check("cloud", "obstore")
    settings = tuple(
        sorted(each for each in os.environ.items() if each[0].upper().startswith(_SETTINGS))
    )
    try:
        return _client(location.root, patience, settings)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 (explained)
        failed = translated(error, location, "opened")
        unknown = StoreError(f"{location}: cannot be opened: {hidden(str(error))}")
        raise failed or unknown from None


@lru_cache(64)
def _client(root: str, patience: Patience, settings: tuple[tuple[str, str], ...]) -> Any:
    """Make a client; it is cached by the settings in the environment."""
    from obstore.store import from_url

    named = dict(settings)
    options: dict[str, Any] = {"connect_timeout": timedelta(seconds=5)}
    limit = timedelta(seconds=patience.answer)
    if patience is READING:  # a slow connection may read on as long as bytes arrive
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
        if "AWS_COPY_IF_NOT_EXISTS" not in named:  # the only way that S3 itself has
            more["copy_if_not_exists"] = "multipart"
        if (provider := _profile(named)) is not None:
            more["credential_provider"] = provider
    make: Any = from_url  # its types depend on the kind of store
    return make(root, client_options=options, retry_config=retry, **more)


def _profile(named: dict[str, str]) -> Any:
    """Return the credentials of an AWS profile, read by boto3; None if other ones are set."""
    others = (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    )
    is_named = any(named.get(name) for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"))
    if any(named.get(name) for name in others):
        return None
    if find_spec("boto3") is None:
        if is_named:
            raise StoreError(
                "AWS_PROFILE: profiles are read by the package boto3, which is not installed. "
                "Install it with: pip install boto3"
            )
        return None
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    # Without keys in the profile, obstore asks the machine for keys.
    return Boto3CredentialProvider(session) if session.get_credentials() is not None else None
