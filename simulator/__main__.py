"""Command line: python -m simulator --port 9100 --tls-port 9101 --smtp-port 9102."""

import argparse
import asyncio
import gc
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from simulator.certs import prepare
from simulator.cloud import Cloud, state_file
from simulator.nameserver import NameServer
from simulator.protocol import HttpProtocol
from simulator.router import Router
from simulator.ses_identities import set_status
from simulator.settings import Settings
from simulator.smtp import start_smtp
from simulator.store import Store

HOST = "127.0.0.1"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=9100, help="HTTP port")
    parser.add_argument("--tls-port", type=int, default=9101, help="HTTPS port")
    parser.add_argument("--smtp-port", type=int, default=9102, help="SMTP port, 0: none")
    parser.add_argument("--dns-port", type=int, default=0, help="DNS port, 0: none")
    parser.add_argument("--address", default=HOST, help="IPv4 address, also served with TLS")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before each send's answer")
    parser.add_argument("--data", type=Path, help="directory of the state kept between starts")
    parser.add_argument("--ca-dir", type=Path, help="directory of ca.pem and the keys")
    parser.add_argument("--seed", type=int, default=0, help="of outcomes and of shares of faults")
    parser.add_argument("--keep", type=int, default=5_000, help="newest mails kept in full")
    return parser.parse_args(argv)


async def serve(args: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    ca_dir = args.ca_dir or args.data or Path(tempfile.mkdtemp(prefix="simulator-"))
    tls, signer = prepare(ca_dir, args.address)
    store = Store(state_file(args.data))
    verify_overdue(store)
    cloud = Cloud(store, Settings(latency_ms=args.latency_ms), signer, args.seed, args.keep)
    await cloud.publisher.start(ca_dir / "ca.pem")
    router = Router(cloud)
    loop = asyncio.get_running_loop()

    def protocol() -> HttpProtocol:
        return HttpProtocol(router)

    servers: list[asyncio.AbstractServer] = [
        await loop.create_server(protocol, HOST, args.port, backlog=1024),
        await loop.create_server(
            protocol, sorted({HOST, args.address}), args.tls_port, ssl=tls, backlog=1024
        ),
    ]
    if args.smtp_port:
        servers.append(await start_smtp(cloud.mailbox, HOST, args.smtp_port))
    names = NameServer(cloud.zones)
    if args.dns_port:
        await names.start(HOST, args.dns_port)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gc.freeze()  # a ledger of a million entries makes full collections slow
    gc.set_threshold(50_000, 20, 100)
    print(
        f"simulator ready: http://{HOST}:{args.port} https://localhost:{args.tls_port} "
        f"smtp://{HOST}:{args.smtp_port} ca={ca_dir / 'ca.pem'}",
        flush=True,
    )
    await stopping.wait()
    for server in servers:
        server.close()
    names.close()
    await cloud.publisher.stop()
    store.save()


def verify_overdue(store: Store) -> None:
    """Verify what would have verified itself while the simulator was not running."""
    for account in store.accounts.values():
        for region in account.regions.values():
            for identity in region.identities.values():
                if account.auto_verify_seconds is not None and identity.status == "PENDING":
                    set_status(identity, "SUCCESS")


def main() -> None:
    """Entry point of `python -m simulator`."""
    try:
        uvloop.run(serve(arguments()))
    except OSError as error:
        sys.exit(f"simulator: {error}")


if __name__ == "__main__":
    main()
