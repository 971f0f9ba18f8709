"""A content is completed and checked."""

import pytest

from sending.content import Content, check_content, complete
from sending.errors import ContentError
from sending.plaintext import text_of

ADDRESS = "1 Acme Street\nSpringfield"


def completed(html: str, text: str = "", subject: str = "Hello") -> Content:
    return complete(Content(subject, html, text), postal_address=ADDRESS, unsubscribable=True)


def test_a_missing_unsubscribe_link_and_address_are_put_in_before_the_body_ends() -> None:
    content = completed("<html><body><p>Hi</p></body></html>")
    footer = content.html.index("{{ unsubscribe_url }}")
    assert content.html.index("<p>Hi</p>") < footer < content.html.index("</body>")
    assert "{{ workspace.address" in content.html
    assert content.html.endswith("</body></html>")
    assert "{{ unsubscribe_url }}" in content.text
    assert "{{ workspace.address }}" in content.text


def test_what_is_there_already_is_not_put_in_twice() -> None:
    html = "<p>1 Acme Street</p><p>Springfield</p><a href='{{ unsubscribe_url }}'>bye</a>"
    content = completed(html)
    assert content.html == html


def test_a_commented_out_link_does_not_count() -> None:
    content = completed("{% comment %}{{ unsubscribe_url }}{% endcomment %}<p>Hi</p>")
    assert content.html.count("{{ unsubscribe_url }}") == 2


def test_transactional_content_gets_no_footer() -> None:
    content = complete(Content("Hi", "<p>Hi</p>"), postal_address="", unsubscribable=False)
    assert content.html == "<p>Hi</p>"
    assert content.text == "Hi\n"


def test_a_block_that_begins_in_the_head_does_not_spoil_the_text_part() -> None:
    content = completed("<head>{% if contact.city %}</head><p>Hi</p>{% endif %}")
    assert content.text.startswith("Hi\n")


def test_an_empty_mail_is_refused() -> None:
    with pytest.raises(ContentError, match="empty"):
        completed("")


def test_the_text_part_keeps_merge_tags_and_shows_addresses_of_links() -> None:
    text = text_of(
        "<p>Hi {{ contact.first_name | default: 'you' }},</p>"
        "<table><tr>{% if contact.city %}<td>{{ contact.city }}</td>{% endif %}</tr></table>"
        '<a href="https://x.example/?a=1&amp;b=2">Read</a>'
    )
    assert "Hi {{ contact.first_name | default: 'you' }}," in text
    assert text.index("{% if contact.city %}") < text.index("{{ contact.city }}")
    assert text.index("{{ contact.city }}") < text.index("{% endif %}")
    assert "Read (https://x.example/?a=1&b=2)" in text


def test_the_text_part_leaves_out_what_a_reader_does_not_see() -> None:
    text = text_of(
        "<html><head><title>T</title><style>p {color: red}</style></head><body><h1>News</h1>"
        "<ul><li>One</li><li>Two &amp; three</li></ul>first<br>second"
        "<table><tr><td>A</td><td>B</td></tr></table>"
        '<a href="mailto:a@x.example">a@x.example</a> <img src="x.png" alt="A fox"></body></html>'
    )
    assert text == ("News\n\n- One\n\n- Two & three\n\nfirst\nsecond\n\nA B\n\na@x.example A fox\n")


def messages(html: str, **changes: object) -> dict[str, str]:
    options = {"fields": {"city"}, "postal_address": ADDRESS, "unsubscribable": True}
    found = check_content(Content("Hello", html), **(options | changes))  # type: ignore[arg-type]
    return {finding.message: finding.level for finding in found}


def level(found: dict[str, str], words: str) -> str:
    (match,) = (level for message, level in found.items() if words in message)
    return match


def test_the_checklist() -> None:
    assert messages("<p>Hi {{ contact.city }}</p>{{ unsubscribe_url }}") == {}
    assert level(messages("<p>Hi</p>"), "unsubscribe link is added") == "info"
    assert level(messages("{{ contact.town }}"), "'town'") == "warning"
    assert level(messages("{{ firstname }}"), "not a merge tag") == "warning"
    assert level(messages("<p>" + "x" * 110_000), "102 KB") == "warning"
    assert level(messages('<a href="javascript:alert(1)">x</a>'), "script") == "error"
    assert level(messages("<p>Hi</p>", postal_address=" "), "postal address") == "error"
    assert level(messages("{% if %}"), "cannot be read") == "error"
    assert level(messages(""), "empty") == "error"


def test_errors_come_first() -> None:
    found = check_content(
        Content("", "{{ contact.town }}"), fields=(), postal_address="", unsubscribable=True
    )
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=("error", "warning", "info").index)
    assert levels.count("error") == 2
