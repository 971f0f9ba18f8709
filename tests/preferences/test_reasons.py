"""Why somebody left: asked afterwards, optional, theirs to say once they have left."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from lists.models import Contact, LeaveReason, List
from lists.selectors.lists import leaving_of
from lists.services.preferences import give_reason
from tests.conftest import Person
from tests.preferences.conftest import assert_public, link


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def ada(add_contact: Callable[..., Contact]) -> Contact:
    return add_contact("ada@person.example")


def said() -> list[tuple[str, str, str]]:
    return list(LeaveReason.unscoped.values_list("list__name", "reason", "text"))


@pytest.mark.parametrize("name", ["preferences", "unsubscribe"])
def test_the_answer_to_leaving_asks_why(
    visitor: Client, ada: Contact, news: List, name: str
) -> None:
    body = {"act": "unsubscribe"} if name == "preferences" else {"from": "everything"}
    page = visitor.post(link(name, ada), body)
    assert "Why did you leave?" in text(page)
    assert f'name="list" value="{news.public_id}"' in text(page)
    assert "Why did you leave?" not in text(visitor.get(link(name, ada)))
    answer = {"act": "reason", "list": str(news.public_id), "reason": "too_often", "text": "Daily!"}
    told = visitor.post(link("preferences", ada), answer)
    assert_public(told)
    assert "Thank you for telling us." in text(told)
    assert said() == [("News", "too_often", "Daily!")]


def test_own_words_alone_will_do_and_the_newest_count(
    visitor: Client, ada: Contact, news: List
) -> None:
    visitor.post(link("preferences", ada), {"act": "unsubscribe"})
    url, body = link("preferences", ada), {"act": "reason", "list": str(news.public_id)}
    assert visitor.post(url, body).status_code == 422
    visitor.post(url, body | {"text": "Moved"})
    visitor.post(url, body | {"reason": "no_interest"})
    assert said() == [("News", "no_interest", "")]


@pytest.mark.parametrize(
    "body", [{}, {"reason": "??"}, {"reason": "other", "text": "x" * 501}, {"reason": "other"}]
)
def test_who_has_not_left_says_nothing(
    visitor: Client, ada: Contact, news: List, body: dict[str, str]
) -> None:
    answer = visitor.post(
        link("preferences", ada), {"act": "reason", "list": str(news.public_id), **body}
    )
    assert answer.status_code == 422
    assert said() == []


def test_the_lists_page_tells_the_reasons(alice: Person, ada: Contact, news: List) -> None:
    news.subscriptions.update(status="unsubscribed")
    script = "<script>alert(1)</script>"
    give_reason(contact=ada, lists=[news], reason=LeaveReason.Reason.NEVER_ASKED, text=script)
    page = text(alice.client.get(f"/w/acme/lists/{news.public_id}/"))
    assert "I never signed up for it" in page
    assert "&lt;script&gt;alert(1)" in page
    assert script not in page
    assert leaving_of(news).reasons == [("I never signed up for it", 1)]
