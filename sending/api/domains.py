"""/domains: what their DNS should hold, and what it does."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from sending.errors import AwsRefused
from sending.identity import domain_name
from sending.models import Purpose, RecordState, SenderIdentity, SesAccount, SesState
from sending.selectors.accounts import accounts_of
from sending.selectors.domains import domain_of, domain_state, domains_of, rows_of
from sending.services.domains import check_domain, set_mail_from, start_again
from sending.services.identities import create_identity
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.views import ApiView, ListView
from tenants.models import Scope, Tenant


class PartBody(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=RecordState.choices)
    words = serializers.CharField(help_text="What that means and what to do.")


class DnsRecordBody(serializers.Serializer[Any]):
    """A record to publish beside what the last look found."""

    purpose = serializers.ChoiceField(choices=Purpose.choices, source="wanted.purpose")
    type = serializers.CharField(source="wanted.kind")
    name = serializers.CharField(source="wanted.name")
    value = serializers.CharField(source="wanted.value", help_text="Of an MX: priority and name.")
    found = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=RecordState.choices)
    words = serializers.SerializerMethodField()

    def get_words(self, row: Any) -> str:
        return row.record.words if row.record else ""


class DnsBody(serializers.Serializer[Any]):
    """How the domain stands; `aligned` is whether receivers tie your mail to it (DMARC)."""

    dkim = PartBody()
    mail_from = PartBody()
    spf = PartBody()
    dmarc = PartBody()
    aligned = PartBody()
    ok = serializers.BooleanField(help_text="Signed, aligned, with a policy.")
    checked_at = serializers.DateTimeField(allow_null=True)


class DomainAnswer(serializers.ModelSerializer[SenderIdentity]):
    """`verified` is what Amazon SES says: mail can be sent from it."""

    id = serializers.UUIDField(source="public_id")
    account = serializers.UUIDField(source="ses_account.public_id")
    mail_from = serializers.CharField(source="mail_from_domain", help_text="Empty: Amazon's own.")
    dns = serializers.SerializerMethodField()
    records = serializers.SerializerMethodField()

    class Meta:
        model = SenderIdentity
        fields = """id name account verified dkim_status mail_from mail_from_status dns records
            created_at""".split()

    @extend_schema_field(DnsBody)
    def get_dns(self, identity: SenderIdentity) -> Any:
        return DnsBody(domain_state(identity)).data

    @extend_schema_field(DnsRecordBody(many=True))
    def get_records(self, identity: SenderIdentity) -> Any:
        return DnsRecordBody(rows_of(identity), many=True).data


class DomainRequest(StrictSerializer):
    name = serializers.CharField(max_length=253)
    account = serializers.UUIDField(
        required=False, help_text="Needed where several SES accounts are connected."
    )
    mail_from = serializers.CharField(
        max_length=253,
        required=False,
        allow_blank=True,
        default="",
        help_text="Where bounces go: a name below the domain, such as mail.example.com. "
        "Recommended; empty: Amazon's own.",
    )


class DomainChange(StrictSerializer):
    mail_from = serializers.CharField(max_length=253, help_text="A name below the domain.")


class Domains(ListView[SenderIdentity]):
    scope = Scope.SENDING
    serializer_class = DomainAnswer

    def get_queryset(self) -> QuerySet[SenderIdentity]:
        return domains_of(tenant_of(self.request))

    @extend_schema(operation_id="list_domains", summary="The domains that you send from")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first, with their DNS records as last looked up."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="add_domain",
        summary="Add a domain",
        request=DomainRequest,
        responses={201: DomainAnswer},
    )
    def post(self, request: Request) -> Response:
        """Makes it at Amazon SES, or takes over the one that is there. Then publish its records.

        They are looked up by themselves: every five minutes at first.
        """
        body = DomainRequest(data=request.data)
        body.is_valid(raise_exception=True)
        values, tenant = body.validated_data, tenant_of(request)
        name = domain_name(values["name"])
        made = _asked_of_aws(
            create_identity,
            account=_account(tenant, values.get("account")),
            name=name,
            mail_from=values["mail_from"],
            request=request,
        )
        return Response(DomainAnswer(domain_of(tenant, made.public_id)).data, status=201)


class DomainView(ApiView):
    scope = Scope.SENDING

    @extend_schema(operation_id="get_domain", summary="One domain", responses={200: DomainAnswer})
    def get(self, request: Request, public_id: UUID) -> Response:
        """With its DNS records as last looked up."""
        return _answer(request, public_id)

    @extend_schema(
        operation_id="change_domain",
        summary="Change where bounces of a domain go",
        request=DomainChange,
        responses={200: DomainAnswer},
    )
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Two records of the new name are to be published then."""
        domain = _domain(request, public_id)
        body = DomainChange(data=request.data)
        body.is_valid(raise_exception=True)
        _asked_of_aws(set_mail_from, identity=domain, request=request, **body.validated_data)
        return _answer(request, public_id)


class DomainCheck(ApiView):
    scope = Scope.SENDING

    @extend_schema(
        operation_id="check_domain",
        summary="Look a domain up now",
        request=None,
        responses={200: DomainAnswer},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Asks Amazon SES and the DNS, which may take some seconds. Where SES refuses, the DNS has
        been looked up all the same: GET the domain.
        """
        _asked_of_aws(check_domain, identity=_domain(request, public_id))
        return _answer(request, public_id)


class DomainStartAgain(ApiView):
    scope = Scope.SENDING

    @extend_schema(
        operation_id="start_domain_again",
        summary="Have Amazon SES look for the records again",
        request=None,
        responses={200: DomainAnswer},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """SES gives up after 72 hours. Then this makes the domain anew, with new DKIM records."""
        _asked_of_aws(start_again, identity=_domain(request, public_id), request=request)
        return _answer(request, public_id)


def _domain(request: Request, public_id: UUID) -> SenderIdentity:
    try:
        return domain_of(tenant_of(request), public_id)
    except SenderIdentity.DoesNotExist as error:
        raise Http404 from error


def _answer(request: Request, public_id: UUID) -> Response:
    return Response(DomainAnswer(_domain(request, public_id)).data)


def _account(tenant: Tenant, public_id: UUID | None) -> SesAccount:
    """The account that is asked for, or the only one."""
    connected = list(accounts_of(tenant).exclude(state=SesState.NEW))
    found = [one for one in connected if public_id in (None, one.public_id)]
    if len(found) == 1:
        return found[0]
    if not connected:
        message = "Connect Amazon SES in the dashboard first."
    elif public_id:
        message = f"There is no connected account {public_id}."
    else:
        message = "Several accounts are connected. Say which one: GET /account lists them."
    raise serializers.ValidationError({"account": [message]})


def _asked_of_aws(act: Any, **values: Any) -> Any:
    """What the act returns. Where AWS refuses, its own words are part of the error."""
    try:
        return act(**values)
    except AwsRefused as error:
        said = f"{error.message} AWS said: {error.aws}" if error.aws else error.message
        raise AwsRefused(said, aws=error.aws, param=error.param) from error
