"""How each place of a contact came to be what it is."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from lists.models import Contact, List, Source
from lists.selectors.places import places_of
from lists.services.contacts import subscribe
from lists.services.preferences import pause, resume, unsubscribe
from tests.conftest import Person


def test_a_place_tells_what_happened_to_it_and_only_to_it(
    alice: Person, news: List, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact("ann@x.example")
    offers = List.unscoped.create(tenant=alice.tenant, name="Offers")
    subscribe(contact=contact, lists=[offers], source=Source.MEMBER, consent_wording="y")
    pause(contact=contact, only=None, until=timezone.now() + timedelta(days=3))
    resume(contact=contact, only=None)
    unsubscribe(contact=contact, lists=[offers], source=Source.MEMBER)
    history = {
        place.list.name: [step.words.partition(" until")[0] for step in place.history]  # type: ignore[attr-defined]
        for place in places_of(contact)
    }
    assert history["News"] == ["Joined (A member)", "Paused", "Ended the pause"]
    assert history["Offers"][-3:] == ["Paused", "Ended the pause", "Unsubscribed (A member)"]
    assert "attested" in history["Offers"][-4]
    page = alice.client.get(f"/w/acme/contacts/{contact.public_id}/").content.decode()
    assert "Unsubscribed (A member)" in page and "Paused until" in page
