"""A workspace with one of everything, for tests that walk every route."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, models
from django.utils import timezone

from campaigns.models import AlertKind, Campaign, CampaignAlert, CampaignStatus, IdempotencyKey
from lists import tokens
from lists.models import (
    BulkAction,
    BulkChange,
    BulkKind,
    BulkStatus,
    Confirmation,
    ConsentRecord,
    Contact,
    ContactField,
    Engagement,
    FormDay,
    Import,
    ImportStatus,
    LeaveReason,
    LiftedSuppression,
    List,
    ListDay,
    ListTally,
    Segment,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionImport,
    SuppressionImportStatus,
    SuppressionReason,
    Tag,
)
from lists.services.fields import create_field
from lists.services.tags import save_tag, set_tags
from readiness.models import AccessDraft, MonthlyReport, ReviewStep, StepKind
from reputation.models import BatchSource, SourceCount
from sending import standing
from sending.models import (
    Batch,
    BatchState,
    BatchTally,
    Count,
    DomainAlert,
    DomainRecord,
    EventKind,
    Lane,
    Message,
    MessageData,
    MessageEvent,
    Outcome,
    Purpose,
    RecordState,
    SelfTest,
    SenderIdentity,
    SesAccount,
    SesAuth,
    SesState,
    Status,
    SuppressionChange,
    SuppressionMirror,
)
from sending.services.feedback import token_hash
from tenants.models import Membership, Scope, Tenant, User
from tenants.services.api_keys import CreatedKey, create_key
from tenants.services.workspaces import set_logo
from webhooks.models import (
    About,
    AlertChoice,
    AlertReader,
    Feedback,
    FeedbackAlarm,
    FeedbackCount,
    FeedbackDigest,
    SnsMessage,
)


@dataclass(frozen=True)
class World:
    """What a tenant owns; every name and address in it holds `mark`."""

    tenant: Tenant
    mark: str
    owner: Membership
    key: CreatedKey
    contact: Contact
    field: ContactField
    tag: Tag
    bulk: BulkAction
    list: List
    segment: Segment
    form: SignupForm
    uploaded: Import
    finished: Import
    recorded: Import
    suppressed: SuppressionImport
    account: SesAccount
    identity: SenderIdentity
    draft: Campaign
    sent: Campaign
    email: MessageData
    digest: FeedbackDigest
    report: MonthlyReport
    unsubscribe_token: str
    confirm_token: str
    digest_token: str
    webhook_token: str
    dns_token: str


def build(tenant: Tenant, user: User, mark: str) -> World:
    """One of everything that `tenant` can own."""
    now = timezone.now()
    address = f"{mark}@{mark}.example"
    owner = Membership.unscoped.get(tenant=tenant, user=user)
    tenant = set_logo(tenant=tenant, actor=user, picture=b"GIF89a" + mark.encode())
    key = create_key(tenant=tenant, actor=user, name=mark, scopes=list(Scope))
    account = SesAccount.unscoped.create(
        tenant=tenant, name=mark, region="eu-west-1", auth=SesAuth.KEY, state=SesState.CONNECTED,
        aws_account_id="111122223333", max_send_rate=500, max_24_hour_send=1_000_000,
        credentials={"access_key_id": "AKIAEXAMPLE", "secret_access_key": "example"},
        production_access=True, webhook_token={"token": mark}, webhook_token_hash=token_hash(mark),
        topic_arn=f"arn:aws:sns:eu-west-1:111122223333:{mark}",
    )  # fmt: skip
    identity = SenderIdentity.unscoped.create(
        tenant=tenant, ses_account=account, name=f"{mark}.example", verified=True,
        dkim_tokens=[mark], signing_hosted_zone="dkim.amazonses.com",
        mail_from_domain=f"mail.{mark}.example", dns_link=1,
        dns_link_until=now + timedelta(days=30),
    )  # fmt: skip
    DomainRecord.unscoped.create(
        tenant=tenant, identity=identity, purpose=Purpose.DMARC, kind="TXT",
        name=f"_dmarc.{mark}.example", expected="v=DMARC1; p=none", found="v=DMARC1; p=reject",
        state=RecordState.OK, words=f"Of {mark}.", checked_at=now, ok_since=now,
    )  # fmt: skip
    DomainAlert.unscoped.create(
        tenant=tenant, identity=identity, broken=[{"name": mark}], mailed_at=now
    )
    contact = Contact.unscoped.create(
        tenant=tenant, email=address, email_norm=address, first_name=mark
    )
    field = create_field(tenant=tenant, label=mark)
    tag = save_tag(tenant=tenant, name=mark)
    set_tags(contact=contact, tags=[tag])
    bulk = BulkAction.unscoped.create(
        tenant=tenant, kind=BulkKind.ADD_TAG, words="Everyone", tag=tag, what=mark, total=1, done=1,
        changed=1, status=BulkStatus.DONE, finished_at=now,
    )  # fmt: skip
    BulkChange.unscoped.create(tenant=tenant, action=bulk, contact=contact)
    list_ = List.unscoped.create(tenant=tenant, name=mark)
    Subscription.unscoped.create(
        tenant=tenant, contact=contact, list=list_, status=SubscriptionStatus.ACTIVE,
        source=Source.MEMBER,
    )  # fmt: skip
    Suppression.unscoped.create(
        tenant=tenant, email_norm=f"gone@{mark}.example", source=Source.MEMBER,
        reason=SuppressionReason.MANUAL,
    )  # fmt: skip
    LiftedSuppression.unscoped.create(
        tenant=tenant, email_norm=f"back@{mark}.example", lifted_at=now
    )
    SuppressionMirror.unscoped.create(tenant=tenant, ses_account=account, next_read_at=now)
    SuppressionChange.unscoped.create(
        tenant=tenant, ses_account=account, email_norm=f"back@{mark}.example", queued_at=now,
        error=f"AccessDeniedException: {mark}",
    )  # fmt: skip
    ConsentRecord.unscoped.create(
        tenant=tenant, contact=contact, act=ConsentRecord.Act.CONFIRMED, source=Source.FORM,
        list_names=[mark], form_name=mark,
    )  # fmt: skip
    ListDay.unscoped.create(tenant=tenant, list=list_, day=now.date(), joined=1)
    ListTally.unscoped.create(
        tenant=tenant, list=list_, active=1, unconfirmed=0, unsubscribed=0, sendable=1, took=0.1,
        counted_at=now,
    )  # fmt: skip
    LeaveReason.unscoped.create(
        tenant=tenant, contact=contact, list=list_, reason="other", text=mark, at=now
    )
    segment = Segment.unscoped.create(
        tenant=tenant, name=mark,
        definition={"groups": [[{"what": "list", "op": "on", "values": [str(list_.public_id)]}]]},
    )  # fmt: skip
    Engagement.unscoped.create(tenant=tenant, contact=contact, last_opened_at=now)
    form = SignupForm.unscoped.create(
        tenant=tenant, name=mark, title=mark, consent_wording=f"I want mail of {mark}."
    )
    form.lists.add(list_)
    FormDay.unscoped.create(tenant=tenant, form=form, day=now.date(), views=1)
    confirmation = Confirmation.unscoped.create(
        tenant=tenant, contact=contact, form=form, expires_at=now + timedelta(days=7)
    )
    confirmation.lists.add(list_)
    draft = Campaign.unscoped.create(
        tenant=tenant, name=mark, subject=mark, html=f"<p>{mark}</p>", ses_account=account
    )
    draft.lists.add(list_)
    draft.excluded_segments.add(segment)
    batch = Batch.unscoped.create(
        tenant=tenant, lane=Lane.CAMPAIGN, ses_account=account, state=BatchState.DONE,
        from_header=address, subject=mark, html=f"<p>{mark}</p>", list_ids=[list_.pk],
    )  # fmt: skip
    message = Message.unscoped.create(
        tenant=tenant, batch=batch, contact=contact, email=address, status=Status.SENT,
        outcome=Outcome.HARD_BOUNCED, ses_message_id=f"0100-{mark}",
    )  # fmt: skip
    BatchTally.unscoped.create(tenant=tenant, batch=batch, shard=0, total=1, sent=1)
    elsewhere = f"{mark}@elsewhere.example"  # mail to the own domain does not count
    standing.add([(batch.pk, elsewhere, count, now) for count in (Count.SENT, Count.BOUNCED)])
    event = MessageEvent.unscoped.create(
        tenant=tenant, message=message, kind=EventKind.BOUNCE, recipient=address, dedupe=mark,
        at=now, diagnostic=f"550 {mark}",
    )  # fmt: skip
    sent = Campaign.unscoped.create(
        tenant=tenant, name=f"{mark} sent", subject=mark, html=f"<p>{mark}</p>",
        ses_account=account, status=CampaignStatus.LAUNCHED, batch=batch,
    )  # fmt: skip
    sent.lists.add(list_)
    SourceCount.unscoped.create(tenant=tenant, batch=batch, sent=1, bounced=1, counted_at=now)
    BatchSource.unscoped.create(
        tenant=tenant, batch=batch, list=list_, source=Source.MEMBER, mailed=1, bounced=1,
        complained=0,
    )  # fmt: skip
    CampaignAlert.unscoped.create(
        tenant=tenant, campaign=sent, kind=AlertKind.LIMIT, reason=mark, mailed_at=now
    )
    single = Batch.unscoped.create(
        tenant=tenant, lane=Lane.TRANSACTIONAL, ses_account=account, state=BatchState.DONE,
        from_header=address, subject=mark, text=mark,
    )  # fmt: skip
    receipt = Message.unscoped.create(
        tenant=tenant, batch=single, email=address, status=Status.SENT
    )
    email = MessageData.unscoped.create(tenant=tenant, message=receipt, data={"name": mark})
    IdempotencyKey.unscoped.create(
        tenant=tenant, key=mark, request_hash=bytes(32), response={"id": mark}
    )
    digest = FeedbackDigest.unscoped.create(
        tenant=tenant, window_start=now, window_end=now, bounces=1, complaints=0,
        user=user, after=0, last=1, about=About.BOTH, mailed_at=now,
    )  # fmt: skip
    Feedback.unscoped.create(
        tenant=tenant, number=1, event_id=event.pk, contact_id=contact.pk, is_complaint=False,
        noted_at=now,
    )  # fmt: skip
    FeedbackCount.unscoped.create(tenant=tenant, last=1)
    AlertReader.unscoped.create(tenant=tenant, user=user, told=1)
    AlertChoice.unscoped.create(tenant=tenant, user=user)
    FeedbackAlarm.unscoped.create(
        tenant=tenant, ses_account=account, kind=FeedbackAlarm.Kind.BACK, mailed_at=now
    )
    SelfTest.unscoped.create(
        tenant=tenant, ses_account=account, from_address=f"news@{mark}.example"
    )
    AccessDraft.unscoped.create(
        tenant=tenant, ses_account=account, website=f"https://{mark}.example", about=mark,
        monthly_mails=1, saved_by=user,
    )  # fmt: skip
    ReviewStep.unscoped.create(
        tenant=tenant, ses_account=account, kind=StepKind.GRANTED, text=mark, by=user,
        mailed_at=now,
    )  # fmt: skip
    report = MonthlyReport.unscoped.create(
        tenant=tenant, month=now.date().replace(day=1), figures=report_figures(), mailed_at=now
    )
    SnsMessage.unscoped.create(
        tenant=tenant, ses_account=account, sns_message_id=mark, kind="Notification", body="{}"
    )
    return World(
        tenant=tenant,
        mark=mark,
        owner=owner,
        key=key,
        contact=contact,
        field=field,
        tag=tag,
        bulk=bulk,
        list=list_,
        segment=segment,
        form=form,
        uploaded=_import(tenant, list_, mark, ImportStatus.UPLOADED),
        suppressed=_suppression_import(tenant, mark),
        finished=_import(tenant, list_, mark, ImportStatus.DONE),
        recorded=_recorded(tenant, mark),
        account=account,
        identity=identity,
        draft=draft,
        sent=sent,
        email=email,
        digest=digest,
        report=report,
        unsubscribe_token=tokens.make(tokens.Kind.RECIPIENT, batch.pk, contact.pk),
        confirm_token=tokens.make(tokens.Kind.CONFIRM, confirmation.pk, contact.pk),
        digest_token=tokens.make(tokens.Kind.DIGEST, digest.pk, user.pk),
        webhook_token=mark,
        dns_token=tokens.make(tokens.Kind.DNS, identity.pk, 1),
    )


def report_figures(**changed: Any) -> dict[str, Any]:
    """What a month's report keeps: a quiet month of a small workspace."""
    rates = {"sent": 1000, "bounced": 5, "delivered": 995, "complained": 0, "heard": 700}
    hygiene = {"imported": 0, "role": 0, "disposable": 0, "contacts": 500, "unengaged": 20}
    return {
        "rates": rates, "rates_before": rates, "score": 90, "worse": [],
        "lines": {"connection": "good", "dns": "partly"},
        "lists": {"joined": 12, "left": 3, "active": 480},
        "hygiene": hygiene | {"unengaged_days": 180},
    } | changed  # fmt: skip


def _import(tenant: Tenant, list_: List, mark: str, status: ImportStatus) -> Import:
    content = f"email,name\n{mark}@x.example,{mark}\n".encode()
    made = Import.unscoped.create(
        tenant=tenant,
        filename=f"{mark}.csv",
        file=ContentFile(content, f"{mark}.csv"),
        error_file=ContentFile(content, f"{mark}-errors.csv"),
        encoding="utf-8",
        delimiter=",",
        columns=["email", "name"],
        mapping={"email": "email"},
        bytes_total=len(content),
        rows_total=1,
        invalid=1,
        status=status,
    )
    made.lists.add(list_)
    return made


def _recorded(tenant: Tenant, mark: str) -> Import:
    errors = f"index,column,value,reason,kind\n0,email,x,{mark},invalid\n".encode()
    made: Import = Import.unscoped.create(
        tenant=tenant, source=Source.API, filename=f"API key {mark}", failure=mark,
        columns=["email"], mapping={"email": "email"}, rows_total=1,
        error_file=ContentFile(errors, f"{mark}-records.csv"), status=ImportStatus.FAILED,
    )  # fmt: skip
    return made


def _suppression_import(tenant: Tenant, mark: str) -> SuppressionImport:
    content = ContentFile(f"{mark}\n".encode(), f"{mark}.txt")
    return SuppressionImport.unscoped.create(
        tenant=tenant, filename=f"{mark}.txt", file=content, error_file=content, rows=1, invalid=1,
        reason=SuppressionReason.MANUAL, status=SuppressionImportStatus.DONE,
    )  # fmt: skip


# That a page was seen may be kept in the session.
_UNCOUNTED = frozenset({"django_session"})


def fingerprint(tenant: Tenant | None = None) -> dict[str, str]:
    """A hash of every table, or of one tenant's rows; equal when no row is new, gone or changed."""
    with connection.cursor() as cursor:
        tables = sorted(set(connection.introspection.table_names(cursor)) - _UNCOUNTED)
        owned = {model._meta.db_table for model in _owned_models()} | {"tenants_tenant"}
        queries, values = [], []
        for table in tables:
            if tenant is not None and table not in owned:
                continue
            where = ""
            if tenant is not None:
                where = f" WHERE {'id' if table == 'tenants_tenant' else 'tenant_id'} = %s"
                values.append(tenant.pk)
            queries.append(
                f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"  # noqa: S608
                f' FROM "{table}" t{where}'
            )
        cursor.execute(" UNION ALL ".join(queries), values)
        return dict(cursor.fetchall())


def crossings() -> list[str]:
    """References of a tenant's row to a row of another tenant; there must be none."""
    found = []
    for model in _owned_models():
        for field in model._meta.get_fields():
            target = field.related_model
            forward = isinstance(field, models.ForeignKey | models.ManyToManyField)
            if forward and isinstance(target, type) and target in _owned_models():
                rows = model._base_manager.exclude(**{field.name: None}).exclude(
                    **{f"{field.name}__tenant": models.F("tenant")}
                )
                found += [f"{model.__name__} {row.pk} .{field.name}" for row in rows]
    return found


def _owned_models() -> set[Any]:
    return {model for model in apps.get_models() if hasattr(model, "unscoped")}
