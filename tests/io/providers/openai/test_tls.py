"""Certificates are loaded with the first handshake, by whatever makes it."""

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from yarl import URL

from runner.io.providers.openai.posting import posting
from runner.io.providers.openai.tls import aiohttp
from tests import ROOT

PROBE = """
import asyncio, ssl, sys
from runner.io.providers.openai.wire import aiohttp
assert ssl.SSLContext.set_default_verify_paths is ssl._ssl._SSLContext.set_default_verify_paths
context = aiohttp.connector._SSL_CONTEXT_VERIFIED
assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
print(context.cert_store_stats()["x509"])
async def ask():
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"https://localhost:{sys.argv[1]}") as response:
                print(response.status)
        except aiohttp.ClientConnectorCertificateError as failed:
            print(failed.certificate_error.verify_message)
asyncio.run(ask())
print(context.cert_store_stats()["x509"], type(context) is ssl.SSLContext)
print(ssl.create_default_context().cert_store_stats()["x509"])
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path / "made.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    command += ["-days", "2", "-keyout", str(made), "-out", str(tmp_path / "alone.pem")]
    subprocess.run(command, check=True, capture_output=True)
    with made.open("ab") as out:
        out.write((tmp_path / "alone.pem").read_bytes())
    return made


@pytest.mark.parametrize("trusted", [True, False])
def test_a_server_is_verified_by_what_is_loaded_with_the_first_handshake(
    certificate: Path, trusted: bool
) -> None:
    file = str(certificate.with_name("alone.pem")) if trusted else os.devnull
    environment = {"PYTHONPATH": str(ROOT), "SSL_CERT_FILE": file, "SSL_CERT_DIR": "/nowhere"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async def asked() -> list[str]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", PROBE, str(port)), stdout=-1, env=environment
            )
            said, _ = await process.communicate()
        return said.decode().splitlines()

    first, answered, *loaded = asyncio.run(asked())
    assert first == "0"
    assert answered == ("204" if trusted else "self-signed certificate")
    assert loaded == (["1 True", "1"] if trusted else ["0 True", "0"])


def test_a_session_that_is_closed_has_closed_what_was_posted_on(certificate: Path) -> None:
    """Over TLS it takes a turn of the server's: else a connection is still open when all ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read()
        writer.close()

    async def is_closed() -> bool:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        trusting = ssl.create_default_context(cafile=str(certificate.with_name("alone.pem")))
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            url = URL(f"https://localhost:{server.sockets[0].getsockname()[1]}/v1")
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as asks:
                made = posting(asks, url, 60)
                assert made is not None
                response = await made.send(b"{}")
                assert await response.content.read() == b"{}"
                lost = response.line.handler.closed
                made.close()
            return lost is not None and lost.done()

    assert asyncio.run(asyncio.wait_for(is_closed(), 60))
