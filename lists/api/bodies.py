"""What a request about contacts may say, and what an answer shows."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from lists.models import Contact, Subscription
from lists.selectors.filters import STATES
from tenants.api.bodies import StrictSerializer

MAX_TAGS = 50


class Place(serializers.ModelSerializer[Subscription]):
    """A place on a list. `paused_until` is when its owner wants to hear of it again."""

    list = serializers.UUIDField(source="list.public_id")
    name = serializers.CharField(source="list.name")

    class Meta:
        model = Subscription
        fields = ["list", "name", "status", "paused_until", "source", "confirmed_at"]
        fields += ["unsubscribed_at", "created_at"]


class ContactAnswer(serializers.ModelSerializer[Contact]):
    """`status` is what the contact is as a whole; suppressed beats all."""

    id = serializers.UUIDField(source="public_id")
    fields = serializers.DictField()  # type: ignore[assignment]
    tags = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=list(STATES), source="state")

    class Meta:
        model = Contact
        fields = ["id", "email", "first_name", "last_name", "fields", "tags", "status"]
        fields += ["created_at", "updated_at"]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_tags(self, contact: Contact) -> list[str]:
        return sorted(tagged.tag.name for tagged in contact.tagged.all())


class ContactDetail(ContactAnswer):
    subscriptions = Place(many=True)

    class Meta(ContactAnswer.Meta):
        fields = [*ContactAnswer.Meta.fields, "subscriptions"]


class ContactChange(StrictSerializer):
    """What is left out stays. A field that is null goes; tags are set exactly."""

    first_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    fields = serializers.DictField(required=False)  # type: ignore[assignment]
    tags = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=MAX_TAGS
    )


class Consent(StrictSerializer):
    """Lists, and what the person has agreed to: it is kept as the proof of consent."""

    lists = serializers.ListField(child=serializers.UUIDField(), max_length=100)
    consent_wording = serializers.CharField(
        max_length=500, help_text="What the person agreed to, in the words that they saw."
    )


class ContactRequest(ContactChange):
    """A contact by its address. Fields and tags are added to those that it has."""

    email = serializers.CharField(max_length=320)
    subscribe = Consent(required=False)


class Leaving(StrictSerializer):
    lists = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=100,
        help_text="Left out: the contact unsubscribes from everything.",
    )
