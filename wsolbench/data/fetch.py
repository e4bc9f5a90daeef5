"""One file over HTTP: continued where it broke off, checked, and there only when it is whole."""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from wsolbench import __version__
from wsolbench.data.archives import check_space
from wsolbench.data.parts import Part, check_file, has_checksum
from wsolbench.errors import DataError

_CHUNK = 1024**2
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE_S = 60.0

Watch = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes:
        timeout_s: without a byte.
        attempts: in a row that bring nothing new.
        pause_s: before the second attempt; doubled each time.
    """

    timeout_s: float = 30.0
    attempts: int = 5
    pause_s: float = 1.0


class _PassingError(Exception):
    """Worth another attempt, after a pause that the host may name."""

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = pause_s


def fetch(
    url: str,
    path: Path,
    *,
    checksum: str = "",
    patience: Patience | None = None,
    watch: Watch | None = None,
) -> None:
    """Download ``url`` to ``path``; what ``path.part`` holds of it is not downloaded again.

    Args:
        url: http or https.
        path: the file; one that is there and has the checksum is kept.
        checksum: ``md5:...``, ``sha1:...`` or ``sha256:...``, or empty.
        patience: timeout, attempts, pauses.
        watch: told the bytes there are and the total, where the host names it.

    Raises:
        DataError: the host refuses, keeps failing, or sends something else than expected; or the
            file cannot be written.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"expected an address with http or https, but got {url}")
    part = Part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            check_file(path, checksum)
            return
        continued = part.size > 0
        _receive_all(url, part, checksum, patience or Patience(), watch)
        if continued and checksum and not has_checksum(part.path, checksum):
            part.discard()  # what an earlier run left was of another file
            _receive_all(url, part, checksum, patience or Patience(), watch)
        check_file(part.path, checksum, url)
        part.path.replace(path)
        part.discard()
    except OSError as error:
        raise DataError(f"cannot write {path}: {error}") from error


def _receive_all(
    url: str, part: Part, checksum: str, patience: Patience, watch: Watch | None
) -> None:
    """Ask again after passing faults, as long as that brings new bytes or attempts are left."""
    failures, furthest = 0, part.size
    while True:
        try:
            _receive(url, part, checksum, patience.timeout_s, watch)
        except _PassingError as error:
            failures = 1 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures >= patience.attempts:
                raise DataError(
                    f"{url} could not be downloaded in {failures} attempts: {error}; what came is "
                    "kept, so the same command goes on from there"
                ) from error
            pause_s = patience.pause_s * 2 ** (failures - 1)
            time.sleep(min(max(pause_s, error.pause_s), _LONGEST_PAUSE_S))
        else:
            return


def _receive(url: str, part: Part, checksum: str, timeout_s: float, watch: Watch | None) -> None:
    """One attempt, from where the part ends."""
    validator = part.validator(url)
    if part.size and not validator and not checksum:
        part.discard()  # nothing would tell two versions of the file apart
    request = _request(url, part.size, validator)
    try:
        with _opener().open(request, timeout=timeout_s) as response:
            _save(response, url, part, checksum, watch)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and _total(error.headers) == part.size:
                return  # all of it was there already
            if error.code == 416:
                part.discard()
            raise _answer(url, error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DataError(
                f"{url}: the host's certificate is not valid: {error.reason}"
            ) from error
        raise _PassingError(f"no connection: {error.reason}") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _PassingError(f"the connection broke: {error or type(error).__name__}") from error


def _request(url: str, start: int, validator: str) -> urllib.request.Request:
    headers = {"User-Agent": f"wsolbench/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    return urllib.request.Request(url, headers=headers)  # noqa: S310  (http or https: fetch checks)


def _save(
    response: http.client.HTTPResponse, url: str, part: Part, checksum: str, watch: Watch | None
) -> None:
    start = _start(response, part)
    length = response.headers.get("Content-Length")
    total = None if length is None else start + int(length)
    chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if total is None and not chunked and not checksum:
        raise DataError(
            f"{url}: the host names no length and no checksum is known, so a cut could not be told "
            "from the end"
        )
    check_space(part.path.parent, (total or start) - start, f"downloading {url}")
    if start == 0:
        part.begin(url, _validator(response.headers))
    with part.path.open("r+b" if start else "wb") as file:
        file.seek(start)
        _copy(response, file, start, total, watch)
    if total is not None and part.size != total:
        raise _PassingError(f"the connection ended at {part.size:,} of {total:,} bytes")


def _start(response: http.client.HTTPResponse, part: Part) -> int:
    """Where the answer begins: at the end of the part, or at the very beginning."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != part.size:
        part.discard()
        raise _PassingError("the host sent another part than was asked for")
    return part.size


def _copy(
    response: http.client.HTTPResponse,
    file: IO[bytes],
    start: int,
    total: int | None,
    watch: Watch | None,
) -> None:
    received = start
    while chunk := _read(response):
        file.write(chunk)
        received += len(chunk)
        if watch is not None:
            watch(received, total)


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except OSError as error:
        raise _PassingError(f"the connection broke: {error or type(error).__name__}") from error


def _validator(headers: Message) -> str:
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def _total(headers: Message) -> int:
    match = re.fullmatch(r"bytes \*/(\d+)", headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _answer(url: str, error: urllib.error.HTTPError) -> Exception:
    if error.code in _PASSING or error.code == 416:
        after = error.headers.get("Retry-After", "")
        pause_s = float(after) if after.isdecimal() else 0.0
        return _PassingError(f"the host answered {error.code} {error.reason}", pause_s)
    if 300 <= error.code < 400:
        return DataError(f"{url} redirects in a circle or to where it may not: {error.reason}")
    return DataError(
        f"{url}: the host answered {error.code} {error.reason}; "
        "it may have moved: see the data set's home page"
    )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, and never from https down to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and (scheme != "http" or req.type == "https"):
            reason = f"redirect from {req.type} to {scheme or newurl}"
            raise urllib.error.HTTPError(req.full_url, code, reason, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirects)
