"""The request of one recipient: exact, escaped, one recipient only."""

import email
import json
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lists.tokens import Kind, read
from sending.errors import ContentError
from sending.language import parse, render
from sending.models import Batch, Lane, SesAccount
from sending.skeleton import Recipient, Skeleton, _html, _text, compile_batch, mailbox
from tenants.models import Tenant

TENANT = Tenant(name="Acme", postal_address="1 <Road>\nTown")
SITE = "https://mail.example.com"


def skeleton(html: str = "<p>Hi</p>", **changes: object) -> Skeleton:
    batch = Batch(
        **{
            "pk": 7,
            "lane": Lane.CAMPAIGN,
            "from_header": mailbox("Acme", "news@acme.example"),
            "subject": "Hello",
            "html": html,
            "text": "Hi",
            "ses_account": SesAccount(configuration_set="bluefox"),
        }
        | changes
    )
    return compile_batch(batch, tenant=TENANT, site_url=SITE)


def request(made: Skeleton, **recipient: object) -> dict[str, object]:
    values = {"message_id": 5, "contact_id": 9, "email": "ada@example.com"} | recipient
    body = made.body(Recipient(**values))  # type: ignore[arg-type]
    request: dict[str, object] = json.loads(body)
    return request


def test_the_whole_request() -> None:
    made = request(
        skeleton(
            "<p>{{ contact.first_name }}</p>", reply_to="re@acme.example", headers={"X-A": "b"}
        ),
        first_name="Ada",
    )
    one_click = made["Content"]["Simple"]["Headers"].pop(0)  # type: ignore[index]
    assert made == {
        "FromEmailAddress": "Acme <news@acme.example>",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "ReplyToAddresses": ["re@acme.example"],
        "ConfigurationSetName": "bluefox",
        "EmailTags": [{"Name": "bf_msg", "Value": "5"}],
        "Content": {
            "Simple": {
                "Subject": {"Charset": "UTF-8", "Data": "Hello"},
                "Body": {
                    "Text": {"Charset": "UTF-8", "Data": "Hi"},
                    "Html": {"Charset": "UTF-8", "Data": "<p>Ada</p>"},
                },
                "Headers": [
                    {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
                    {"Name": "X-A", "Value": "b"},
                ],
            }
        },
    }
    assert one_click["Name"] == "List-Unsubscribe"
    url = one_click["Value"].removeprefix("<").removesuffix(">")
    assert url.startswith(f"{SITE}/u/")
    assert url.endswith("/")
    assert read(Kind.RECIPIENT, url.split("/")[-2]) == (7, 9)


def test_transactional_mail_has_no_one_click_header() -> None:
    made = request(skeleton(lane=Lane.TRANSACTIONAL), contact_id=None)
    assert made["Content"]["Simple"]["Headers"] == []  # type: ignore[index]


def test_each_recipient_gets_their_own_values_and_links() -> None:
    made = skeleton("{{ contact.city }} {{ unsubscribe_url }}")
    bodies = [
        request(made, contact_id=n, fields={"city": f"C{n}"})["Content"]["Simple"]["Body"]["Html"][  # type: ignore[index]
            "Data"
        ]
        for n in (1, 2)
    ]
    assert bodies[0].startswith("C1 ")
    assert bodies[1].startswith("C2 ")
    assert bodies[0].split()[1] != bodies[1].split()[1]


@pytest.mark.parametrize("extra", ["", "{% if true %}{% endif %}"])
def test_somebody_who_is_no_contact_may_bring_values(extra: str) -> None:
    made = skeleton("{{ contact.first_name }} {{ contact.email }}" + extra)
    data = {"contact": {"first_name": "Ada", "email": "other@example.com"}}
    for contact_id, expected in ((None, "Ada ada@example.com"), (9, " ada@example.com")):
        body = request(made, contact_id=contact_id, data=data)["Content"]["Simple"]["Body"]  # type: ignore[index]
        assert body["Html"]["Data"] == expected


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://x.example/?a=1&b=2#grün", "https://x.example/?a=1&amp;b=2#grün"),
        ("mailto:a@x.example", "mailto:a@x.example"),
        ("javascript:alert(1)", "#"),
        (" JaVaScript:alert(1)", "#"),
        ("data:text/html,x", "#"),
    ],
)
@pytest.mark.parametrize("extra", ["", "{% if true %}{% endif %}"])
def test_a_value_in_a_link_cannot_run_anything(value: str, kept: str, extra: str) -> None:
    made = skeleton('<a href="{{ contact.site }}">x</a>' + extra)
    data = request(made, fields={"site": value})["Content"]["Simple"]["Body"]["Html"]["Data"]  # type: ignore[index]
    if extra and kept == "#":
        assert "script:" not in data.lower()
        assert "data:text" not in data.lower()
    else:
        assert data == f'<a href="{kept}">x</a>'


def test_line_breaks_from_values_do_not_reach_the_subject() -> None:
    made = skeleton(subject="Hi {{ contact.first_name }}")
    subject = request(made, first_name="A\r\nBcc: x@y.example")["Content"]["Simple"]["Subject"]  # type: ignore[index]
    assert subject["Data"] == "Hi A Bcc: x@y.example"


@pytest.mark.parametrize("name", ["Acme\r\nBcc: x@y.example", "Acme\x00"])
def test_a_name_with_line_breaks_is_refused(name: str) -> None:
    with pytest.raises(ContentError, match="line breaks"):
        mailbox(name, "a@acme.example")


@pytest.mark.parametrize("name", ["Acme, Inc", 'The "A" Team', "Ünïcode AG", "O'Neil (x)"])
def test_a_from_name_arrives_as_it_was_typed(name: str) -> None:
    parsed = email.message_from_string(f"From: {mailbox(name, 'a@acme.example')}\n\n")
    shown, address = email.utils.parseaddr(parsed["From"])
    assert str(make_header(decode_header(shown))) == name
    assert address == "a@acme.example"


VALUES = st.one_of(
    st.text(max_size=20), st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)
)
TAGS = st.sampled_from(
    [
        "{{ contact.city }}",
        "{{contact.first_name|default:'you & <b>'}}",
        '{{- contact.city | default: "" -}}',
        "{{ contact.missing | default: 'none' }}",
        "{{ workspace.address | newline_to_br }}",
        "{{ workspace.name | upcase }}",
        "{{ unsubscribe_url }}",
        "{{ 'a<b' }}",
        " <p title='x'>\n",
        'é\u2028"\\',
    ]
)


@example(tags=["{{ contact.city }}\r", "\r\n"], city="\r", first_name="")
@given(tags=st.lists(TAGS, max_size=6), city=VALUES, first_name=st.text(max_size=10))
def test_segments_say_exactly_what_liquid_says(
    tags: list[str], city: object, first_name: str
) -> None:
    source = "".join(tags)
    workspace = {"name": "Acme", "address": "1 <Road>\nTown", "website": ""}
    recipient = Recipient(1, 2, "a@example.com", first_name=first_name, fields={"city": city})
    for compiled, template in (
        (_html, parse(source, html=True, part="html")),
        (_text, parse(source, html=False, part="text")),
    ):
        made = Skeleton(compiled(template, workspace), batch_id=1, site_url="", workspace=workspace)
        joined = made.body(recipient)
        expected = render(
            template,
            {
                "contact": {"city": city, "first_name": first_name},
                "workspace": workspace,
                "unsubscribe_url": f"/u/{json.loads(_token(recipient))}/",
            },
        )
        assert json.loads(joined) == expected


def _token(recipient: Recipient) -> str:
    probe = Skeleton(
        [b'"', lambda turn: turn.unsubscribe_url.split("/")[2].encode(), b'"'],
        batch_id=1,
        site_url="",
        workspace={},
    )
    return probe.body(recipient).decode()
