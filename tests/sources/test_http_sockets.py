"""The session against real sockets: what reaches a server that misbehaves."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.sources.credentials import Bearer
from syncd.sources.errors import InvalidResponseError, SourceError, TransientError, UnknownError
from syncd.sources.http import Session
from tests.sources.http_fakes import FakeClock, Hidden


class RudeServer:
    """Accepts connections, reads a request's head, answers with `reply` and hangs up."""

    def __init__(self, reply: bytes = b"", wrap: Callable[[socket.socket], socket.socket] | None = None) -> None:
        self.reply = reply
        self.heads: list[bytes] = []
        self.failed_handshakes = 0
        self._wrap = wrap
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    plain = self._wrap(connection) if self._wrap else connection
                    self.heads.append(self._head(plain))
                    plain.sendall(self.reply)
                    plain.close()
                except (ssl.SSLError, OSError):
                    self.failed_handshakes += 1

    @staticmethod
    def _head(connection: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and (chunk := connection.recv(65536)):
            head += chunk
        return head

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)


@pytest.fixture
def start() -> Iterator[Callable[..., RudeServer]]:
    """Starts rude servers and stops them after the test."""
    servers: list[RudeServer] = []

    def run(*args: object, **options: object) -> RudeServer:
        servers.append(RudeServer(*args, **options))  # type: ignore[arg-type] # handed through
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


def connect(port: int, scheme: str = "http", ca: str | None = None) -> Session:
    clock = FakeClock()
    return Session(
        f"{scheme}://127.0.0.1:{port}",
        service="Zendesk",
        clock=clock,
        credential=Bearer(Hidden("s3cr3t")),
        sleep=clock.sleep,
        ca=ca,
    )


def test_a_closed_port_is_a_definite_no_even_for_a_write() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with pytest.raises(TransientError, match=r"no connection .*refused"):
        connect(port).put(f"http://127.0.0.1:{port}/x", json={})


TORN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
TORN_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
BAD_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"


@pytest.mark.parametrize(
    ("reply", "write", "read"),
    [
        pytest.param(b"", UnknownError, TransientError, id="hangs up without an answer"),
        pytest.param(b"HTTP/1.1 200", UnknownError, TransientError, id="hangs up in the status line"),
        pytest.param(b"no http at all\r\n\r\n", UnknownError, TransientError, id="speaks something else"),
        pytest.param(TORN, UnknownError, TransientError, id="hangs up in the body"),
        pytest.param(TORN_CHUNK, UnknownError, TransientError, id="hangs up in a chunk"),
        pytest.param(BAD_GZIP, InvalidResponseError, InvalidResponseError, id="sends what is not gzip"),
    ],
)
def test_a_write_reaches_a_rude_server_once(
    start: Callable[..., RudeServer], reply: bytes, write: type[SourceError], read: type[SourceError]
) -> None:
    server = start(reply)
    made = connect(server.port)
    with pytest.raises(write):
        made.put(f"{made.base_url}/x", json={})
    assert len(server.heads) == 1
    with pytest.raises(read):
        made.get(f"{made.base_url}/x")
    assert len(server.heads) == 1 + (3 if read is TransientError else 1)


def test_a_redirect_takes_no_credential_elsewhere(start: Callable[..., RudeServer]) -> None:
    other = start(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    location = f"Location: http://127.0.0.1:{other.port}/".encode()
    server = start(b"HTTP/1.1 302 Found\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n")
    made = connect(server.port)
    with pytest.raises(InvalidResponseError):
        made.get(f"{made.base_url}/x")
    assert (len(server.heads), other.heads) == (1, [])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate for this test and is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(  # noqa: S603 - fixed arguments
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def tls_server(start: Callable[..., RudeServer], certificate: tuple[Path, Path]) -> RudeServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    return start(reply, wrap=lambda connection: context.wrap_socket(connection, server_side=True))


def test_a_certificate_that_nobody_vouches_for_gets_not_a_byte(tls_server: RudeServer) -> None:
    made = connect(tls_server.port, "https")
    with pytest.raises(TransientError, match="SSLCertVerificationError"):
        made.put(f"{made.base_url}/x", json={}, verify=False)
    assert tls_server.heads == []


def test_a_certificate_of_a_configured_authority_is_trusted(
    tls_server: RudeServer, certificate: tuple[Path, Path]
) -> None:
    made = connect(tls_server.port, "https", ca=str(certificate[0]))
    made.get(f"{made.base_url}/x")
    assert b"Authorization: Bearer s3cr3t" in tls_server.heads[0]
