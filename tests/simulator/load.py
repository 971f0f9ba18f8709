"""A small load generator: signed SendEmail requests over kept-alive connections.

    python tests/simulator/load.py http://127.0.0.1:9100 --seconds 5 --connections 16

Prints sends a second. Run the simulator on another core (taskset) to measure it alone.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

PATH = "/v2/email/outbound-emails"
BODY_KB = 37


def signed_request(host: str, key: str, secret: str, region: str, body: bytes) -> bytes:
    """Return the bytes of one signed request, valid for five minutes."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/{region}/ses/aws4_request"
    names = "content-type;host;x-amz-date"
    canonical = (
        f"POST\n{PATH}\n\ncontent-type:application/json\nhost:{host}\nx-amz-date:{stamp}\n\n"
        f"{names}\n{hashlib.sha256(body).hexdigest()}"
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"X-Amz-Date: {stamp}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def raw_body(number: int, configuration_set: str = "") -> bytes:
    """Return a SendEmail body around a base64 MIME message of about 37 KB."""
    lines = base64.encodebytes(os.urandom(BODY_KB * 1024 * 3 // 4)).replace(b"\n", b"\r\n")
    mime = (
        f"From: Example <news@example.com>\r\nTo: person{number}@example.org\r\n"
        f"Subject: Hello {number}\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        f"List-Unsubscribe: <https://u.example.com/u/{number}>\r\n\r\n"
    ).encode() + lines
    named = f'"ConfigurationSetName":"{configuration_set}",' if configuration_set else ""
    head = (
        f'{{"FromEmailAddress":"news@example.com","Destination":{{"ToAddresses":'
        f'["person{number}@example.org"]}},{named}"EmailTags":[{{"Name":"msg","Value":"m{number}"}}'
        f'],"Content":{{"Raw":{{"Data":"'
    )
    return head.encode() + base64.b64encode(mime) + b'"}}}'


async def client(host: str, port: int, tls: ssl.SSLContext | None, requests: list[bytes],
                 until: float) -> tuple[int, int]:  # fmt: skip
    """Send the requests in turn until the time is over; return accepted and refused."""
    reader, writer = await asyncio.open_connection(
        host, port, ssl=tls, server_hostname="localhost" if tls else None
    )
    good = bad = number = 0
    while time.monotonic() < until:
        writer.write(requests[number % len(requests)])
        number += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        if head.startswith(b"HTTP/1.1 200"):
            good += 1
        else:
            bad += 1
    writer.close()
    return good, bad


async def run(args: argparse.Namespace) -> None:
    """Generate the load and print what came of it."""
    parts = urlsplit(args.url)
    assert parts.hostname and parts.port
    tls = ssl.create_default_context(cafile=args.ca) if parts.scheme == "https" else None
    host = f"{parts.hostname}:{parts.port}"
    requests = [
        signed_request(host, args.key, args.secret, args.region, raw_body(n, args.set))
        for n in range(64)
    ]
    started = time.monotonic()
    until = started + args.seconds
    results = await asyncio.gather(
        *(
            client(parts.hostname, parts.port, tls, requests[n % 8 :: 8], until)
            for n in range(args.connections)
        )
    )
    seconds = time.monotonic() - started
    good, bad = (sum(column) for column in zip(*results, strict=True))
    print(f"{parts.scheme}: {good / seconds:.0f} sends/s accepted, {bad} refused")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", default="AKIAAAAAAAAAAAAAAAAA")
    parser.add_argument("--secret", default="secretsecret")
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--set", default="", help="configuration set")
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=16)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
