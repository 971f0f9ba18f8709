"""The web inbox: a list with a search, and each mail as HTML, text, source, headers, events."""

import time
from html import escape
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from simulator.cloud import Cloud
from simulator.mailbox import SMTP, Mail, body_of, parse
from simulator.web import Request, Response

SHOWN = 100
TABS = {
    "html": "HTML",
    "text": "Text",
    "source": "Source",
    "headers": "Headers",
    "events": "Events",
}
STYLE = (Path(__file__).parent / "inbox.css").read_text()
HTML_TYPE = "text/html; charset=utf-8"
# the page runs no script; the mail is shown in a sandboxed frame of its own
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src data:; "
    "form-action 'self'"
)
BODY_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; script-src 'none'"


def serves(path: str) -> bool:
    """Return whether the path is a page of the inbox."""
    return path == "/" or path.startswith("/mail/")


def handle(request: Request, cloud: Cloud) -> Response:
    """Return a page: /, /mail/ID, /mail/ID/TAB, and the bare body at /mail/ID/body."""
    parts = request.segments()
    if not parts:
        return _list(request, cloud)
    mail = cloud.mailbox.get(parts[1]) if len(parts) > 1 else None
    if mail is None:
        text = "<p class='empty'>This mail is not kept any more.</p>"
        return page_of("Not found", text, status=404)
    tab = parts[2] if len(parts) > 2 else ""
    if tab == "body":
        html = body_of(parse(mail.raw), "html")
        # links of a mail open beside the inbox, as in a mail client
        body = f'<base target="_blank" rel="noopener">{html}'
        headers = {"Content-Security-Policy": BODY_POLICY, "Cache-Control": "no-store"}
        return Response(body.encode(), content_type=HTML_TYPE, headers=headers)
    return _mail(mail, tab)


def _list(request: Request, cloud: Cloud) -> Response:
    wanted = request.params().get("to", "")
    mails = list(islice(cloud.mailbox.search(wanted), SHOWN))
    rows = "".join(_row(mail) for mail in mails)
    if not rows:
        reason = f"No mail to “{escape(wanted)}”." if wanted else "No mail yet."
        rows = f"<li class='empty'>{reason}</li>"
    kept = len(cloud.mailbox)
    found = f"{len(mails)} shown, {kept} kept, {len(cloud.ledger)} accepted by SES"
    content = (
        '<form class="search" method="get" action="/"><label for="to">Recipient or subject</label>'
        f'<input id="to" name="to" type="search" value="{escape(wanted)}" autocomplete="off">'
        f"<button>Search</button></form><p class='count'>{found}</p><ul class='mails'>{rows}</ul>"
    )
    return page_of("Inbox", content)


def _row(mail: Mail) -> str:
    more = f" and {len(mail.recipients) - 1} more" if len(mail.recipients) > 1 else ""
    to = escape(mail.recipients[0] if mail.recipients else "") + more
    return (
        f'<li><a href="/mail/{quote(mail.id)}"><span class="to">{to}</span>{_badge(mail)}'
        f'<span class="subject">{escape(mail.title) or "(no subject)"}</span>'
        f'<span class="from">{escape(mail.source)}</span>'
        f"<time>{_clock(mail.time, short=True)}</time></a></li>"
    )


def _badge(mail: Mail) -> str:
    return '<span class="badge">platform</span>' if mail.via == SMTP else ""


def _mail(mail: Mail, tab: str) -> Response:
    message = parse(mail.raw)
    html = body_of(message, "html")
    if tab not in TABS:
        tab = "html" if html else "text"
    if tab == "html":
        frame = f'<iframe src="/mail/{quote(mail.id)}/body" sandbox="allow-popups" title="Mail">'
        shown = f"{frame}</iframe>" if html else "<p class='empty'>This mail has no HTML.</p>"
    elif tab == "text":
        shown = f"<pre>{escape(body_of(message, 'plain')) or 'This mail has no text.'}</pre>"
    elif tab == "source":
        shown = f"<pre>{escape(mail.raw.decode('utf-8', 'replace'))}</pre>"
    elif tab == "headers":
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in message.items()
        )
        shown = f"<table>{rows}</table>"
    else:
        rows = "".join(
            f"<tr><th>{escape(event['type'])}</th><td>{_clock(event['time'])}</td></tr>"
            for event in mail.events
        )
        shown = f"<table>{rows}</table>" if rows else "<p class='empty'>No events sent.</p>"
    tabs = "".join(
        f'<a href="/mail/{quote(mail.id)}/{name}"'
        f"{' aria-current=page' if name == tab else ''}>{label}</a>"
        for name, label in TABS.items()
    )
    content = (
        f'<p class="back"><a href="/">← Inbox</a></p><header class="mail"><h2>'
        f"{escape(mail.title) or '(no subject)'}{_badge(mail)}</h2><dl><dt>From</dt>"
        f"<dd>{escape(mail.source)}</dd><dt>To</dt><dd>{escape(', '.join(mail.recipients))}</dd>"
        f"<dt>Time</dt><dd>{_clock(mail.time)}</dd></dl></header>"
        f'<nav class="tabs">{tabs}</nav><section class="{tab}">{shown}</section>'
    )
    return page_of(mail.title or "Mail", content)


def _clock(moment: float, short: bool = False) -> str:
    """Return local date and time; `short` leaves out the date when it is today's."""
    local = time.localtime(moment)
    today = short and local[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", local)


def page_of(title: str, content: str, status: int = 200) -> Response:
    """Return a page of the simulator with this inside."""
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Simulator</title><style>{STYLE}</style></head>"
        '<body><header class="top"><h1><a href="/">Simulator inbox</a></h1>'
        '<p>Mail accepted here goes nowhere else.</p><a class="other" href="/dns">DNS</a></header>'
        f"<main>{content}</main></body></html>"
    )
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    return Response(body.encode(), status, HTML_TYPE, headers)
