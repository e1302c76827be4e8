"""What a store says when something fails, in one line and without credentials."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.errors import StoreError
from toolkit.stores.uris import Location

_SECRETS = re.compile("KEY|SECRET|TOKEN|SAS|CREDENTIAL|PASSWORD|SIGNATURE", re.I)
_SHORTEST_SECRET = 6
_LONGEST = 200  # characters of what a store says

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
# What is in the text of obstore, what that means, and what to do. The first that is found counts.
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
def store_failures(place: Location, action: str) -> Iterator[None]:
    """Turn what obstore raises into `StoreError`, or an `OSError` where that is what it means.

    These are `FileNotFoundError`, `FileExistsError` and `PermissionError`. ``action`` is such as
    "read".
    """
    try:
        yield
    except Exception as error:
        failed = translated(error, place, action)
        if failed is None:
            raise
        raise failed from None


def translated(error: Exception, place: Location, action: str) -> Exception | None:
    """Give what an error of obstore means here; None for one that is not from there."""
    text, name = str(error), type(error).__name__
    is_of_obstore = type(error).__module__.startswith("obstore")
    # It raises plain `OSError`s, too, without the number that the system gives to its own.
    if not is_of_obstore and not (isinstance(error, OSError) and error.errno is None):
        return None
    is_no_bucket = re.search(_NO_BUCKET, text) is not None
    if name == "AlreadyExistsError":
        return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
    if isinstance(error, FileNotFoundError) and not is_no_bucket:
        return FileNotFoundError(errno.ENOENT, "no such object", str(place))
    is_denied = name == "PermissionDeniedError" or re.search(_DENIED, text)
    if is_denied and not re.search(f"{_EXPIRED}|{_REFUSED}", text):
        said = _said(text)
        return PermissionError(
            errno.EACCES, f"the store denies access{f' ({said})' if said else ''}", str(place)
        )
    return StoreError(f"{place}: cannot be {action}: {_explained(text, place.scheme)}")


def _explained(text: str, scheme: str) -> str:
    said = _said(text)
    credentials, address, owner = _WORDS.get(scheme[:2], _WORDS["az"])
    for pattern, what, remedy in _REMEDIES:
        if re.search(pattern, text):
            what_to_do = remedy.format(credentials=credentials, address=address, owner=owner)
            return f"{what}{f' ({said})' if said else ''}. {what_to_do}"
    return said or hidden(_first_line(text))[:_LONGEST]


def _said(text: str) -> str:
    """Give the code and message in the answer of a store, or its HTTP status."""
    code = re.search("<Code>([^<]{1,80})</Code>", text)
    message = re.search("<Message>([^<]{1,300})</Message>", text)
    if code is not None:
        words = message[1].partition("RequestId:")[0].split() if message else []  # of Azure
        said = f"{code[1]}: {' '.join(words)}" if words else code[1]
        return hidden(said)[:_LONGEST]
    status = re.search("status code: ([0-9]{3} [A-Za-z ]{1,40})", text)
    return status[1].strip() if status else ""


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def hidden(text: str) -> str:
    """Give a text without addresses and without any value that may be a secret."""
    text = re.sub(r"(https?://)(?:[^\s/@]*@)?([^\s/?]*)\S*", r"\1\2", text)
    for name, value in os.environ.items():
        if _SECRETS.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text
