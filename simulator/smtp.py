"""Mail that arrives by SMTP: into the inbox, without authentication, on loopback."""

import asyncio
import time
import uuid

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.mailbox import SMTP as VIA_SMTP
from simulator.mailbox import Mail, Mailbox, parse


class Sink:
    """Takes every mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail and answer 250."""
        raw = envelope.original_content or b""
        message = parse(raw)
        mail_id = f"smtp-{uuid.uuid4()}"
        self._mailbox.add(
            Mail(
                mail_id,
                time.time(),
                str(message.get("From", envelope.mail_from or "")),
                [str(address) for address in envelope.rcpt_tos],
                str(message.get("Subject", "")),
                VIA_SMTP,
                raw,
            )
        )
        return f"250 OK {mail_id}"


async def start_smtp(mailbox: Mailbox, host: str, port: int) -> asyncio.AbstractServer:
    """Return a listening SMTP server that fills the mailbox."""
    loop = asyncio.get_running_loop()

    def factory() -> SMTP:
        return SMTP(Sink(mailbox), hostname="localhost", enable_SMTPUTF8=True, loop=loop)

    return await loop.create_server(factory, host, port)
