"""A host on the loopback with the faults of real ones."""

import dataclasses
import http.server
import re
import threading
from collections.abc import Callable

import pytest

from wsolbench.data.fetch import Patience


@dataclasses.dataclass
class Host:
    """Serves ``files``; ``behave`` may answer a request itself and say so by returning True."""

    url: str
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    behave: Callable = lambda _request, _number: False
    requests: list[dict] = dataclasses.field(default_factory=list)
    tag: str = '"1"'


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its ``served`` says."""

    served: Host
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.served.requests.append(dict(self.headers.items()))
        if self.served.behave(self, len(self.served.requests)):
            return
        content = self.served.files.get(self.path)
        if content is None:
            self.answer(404)
            return
        start = self.start(len(content))
        if start is None:
            self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        elif start:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[start:], {"Content-Range": place})
        else:
            self.answer(200, content)

    def start(self, size):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not match or self.headers.get("If-Range", self.served.tag) != self.served.tag:
            return 0
        return int(match[1]) if int(match[1]) < size else None

    def answer(self, code, content=b"", headers=(), length=None):
        self.send_response(code)
        if self.served.tag:
            self.send_header("ETag", self.served.tag)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if length is not None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)
        return True


@pytest.fixture
def host():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Handler,), {}))
    server.daemon_threads = True
    served = Host(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass.served = served
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hasty():
    """Patience of tests: three attempts without a pause worth the name."""
    return Patience(timeout_s=2.0, attempts=3, pause_s=0.001)
