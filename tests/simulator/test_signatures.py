"""Who may call at all: Signature Version 4, session tokens, permissions."""

import hashlib
import hmac
import time

import pytest
import requests
from botocore.exceptions import ClientError
from lxml import etree

from simulator.accounts import AccessKey, Account
from simulator.sigv4 import scope_of, verify
from simulator.store import Store
from simulator.web import ApiError, Request
from tests.simulator.conftest import Cloud

KEY, SECRET, PATH = "AKIATESTTESTTESTTEST", "secret", "/v2/email/identities/a%40example.com"
NOW = 1_795_564_800.0


@pytest.fixture
def store() -> Store:
    store = Store()
    store.accounts["111122223333"] = Account("111122223333", {KEY: AccessKey(KEY, SECRET)})
    store.reindex()
    return store


def signed(moment: float = NOW, query: str = "", body: bytes = b"{}", token: str = "") -> Request:
    """Sign by hand, as the AWS documentation describes it, without the simulator's code."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    headers = {"host": "localhost", "x-amz-date": stamp}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    path = PATH.replace("%", "%25")
    canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/eu-west-1/ses/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return Request("GET", PATH, query, headers, body, "127.0.0.1")


def refusal(store: Store, request: Request, now: float = NOW) -> ApiError:
    with pytest.raises(ApiError) as caught:
        verify(request, scope_of(request), store, now)
    return caught.value


def test_accepts_a_signature_made_by_hand(store: Store) -> None:
    request = signed(query="PageSize=5&Reason=BOUNCE")
    caller = verify(request, scope_of(request), store, NOW)
    assert caller.arn == "arn:aws:iam::111122223333:user/sender"
    assert caller.region == "eu-west-1"


def test_query_order_does_not_matter_but_content_does(store: Store) -> None:
    request = signed(query="PageSize=5&Reason=BOUNCE")
    request.query = "Reason=BOUNCE&PageSize=5"
    verify(request, scope_of(request), store, NOW)
    request.query = "Reason=BOUNCE&PageSize=6"
    assert refusal(store, request).code == "InvalidSignatureException"


@pytest.mark.parametrize("change", ["body", "method", "path", "host"])
def test_refuses_a_request_changed_after_signing(store: Store, change: str) -> None:
    request = signed()
    if change == "body":
        request.body = b"{ }"
    elif change == "method":
        request.method = "DELETE"
    elif change == "path":
        request.path = request.path.replace("a%40", "b%40")
    else:
        request.headers["host"] = "elsewhere"
    error = refusal(store, request)
    assert (error.code, error.status) == ("InvalidSignatureException", 403)
    assert error.message.startswith("The request signature we calculated does not match")


def test_five_minutes_of_skew_are_the_limit(store: Store) -> None:
    for offset in (-300, 300):
        request = signed(NOW + offset)
        verify(request, scope_of(request), store, NOW)
    late = refusal(store, signed(NOW - 301))
    assert late.message == (
        "Signature expired: 20261124T235459Z is now earlier than 20261124T235500Z "
        "(20261125T000000Z - 5 min.)"
    )
    early = refusal(store, signed(NOW + 301))
    assert early.message == (
        "Signature not yet current: 20261125T000501Z is still later than 20261125T000500Z "
        "(20261125T000000Z + 5 min.)"
    )


def test_refuses_an_amz_header_that_is_not_signed(store: Store) -> None:
    request = signed()
    request.headers["x-amz-extra"] = "1"
    assert "'x-amz-extra' must be a 'SignedHeader'" in refusal(store, request).message


def test_refuses_a_token_that_belongs_to_no_session(store: Store) -> None:
    request = signed(token="none")
    assert refusal(store, request).code == "UnrecognizedClientException"


def test_unknown_key_and_wrong_secret_over_the_wire(cloud: Cloud) -> None:
    for tls in (False, True):
        with pytest.raises(ClientError) as unknown:
            cloud.client("sesv2", tls=tls, aws_access_key_id="AKIANOBODYNOBODYNOBO").get_account()
        assert unknown.value.response["Error"] == {
            "Code": "UnrecognizedClientException",
            "Message": "The security token included in the request is invalid.",
        }
        with pytest.raises(ClientError) as wrong:
            cloud.client("sesv2", tls=tls, aws_secret_access_key="wrong").get_account()
        assert wrong.value.response["Error"]["Code"] == "InvalidSignatureException"
        assert wrong.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    for service, call in (("sts", "get_caller_identity"), ("sns", "list_topics")):
        with pytest.raises(ClientError) as unknown:
            getattr(cloud.client(service, aws_access_key_id="AKIANOBODY"), call)()
        assert unknown.value.response["Error"]["Code"] == "InvalidClientTokenId"
        with pytest.raises(ClientError) as wrong:
            getattr(cloud.client(service, aws_secret_access_key="wrong"), call)()
        assert wrong.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_unsigned_and_unknown_requests_get_the_service_s_own_form(cloud: Cloud) -> None:
    base = cloud.process.url
    missing = requests.get(f"{base}/v2/email/account", timeout=5)
    assert missing.status_code == 403
    assert missing.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert missing.json() == {"message": "Missing Authentication Token"}
    query = requests.post(f"{base}/", data={"Action": "ListTopics"}, timeout=5)
    assert query.status_code == 403
    document = etree.fromstring(query.content)
    assert document.findtext("{*}Error/{*}Code") == "MissingAuthenticationToken"
    with pytest.raises(ClientError) as unknown:
        cloud.ses.list_recommendations()
    assert unknown.value.response["Error"]["Code"] == "UnknownOperationException"
    assert unknown.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_denied_actions_are_named_as_aws_names_them(cloud: Cloud) -> None:
    key = cloud.sim.add_key(
        cloud.id, user="reader", allowed=["ses:Get*"], denied=["ses:GetAccount"]
    )
    ses = cloud.client("sesv2", aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])
    ses.get_email_identity(EmailIdentity="example.com")
    with pytest.raises(ClientError) as account:
        ses.get_account()
    error = account.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: ses:GetAccount on resource" in error["Message"]
    with pytest.raises(ClientError) as raw:
        cloud.send(ses)
    assert raw.value.response["Error"]["Message"] == (
        f"User `arn:aws:iam::{cloud.id}:user/reader' is not authorized to perform "
        f"`ses:SendRawEmail' on resource `arn:aws:ses:eu-west-1:{cloud.id}:identity/"
        "news@example.com'"
    )
    with pytest.raises(ClientError) as simple:
        ses.send_email(
            FromEmailAddress="news@example.com",
            Destination={"ToAddresses": ["ada@example.org"]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )
    assert "`ses:SendEmail'" in simple.value.response["Error"]["Message"]
    sns = cloud.client("sns", aws_access_key_id=key["id"], aws_secret_access_key=key["secret"])
    with pytest.raises(ClientError) as topic:
        sns.create_topic(Name="t")
    assert topic.value.response["Error"]["Code"] == "AuthorizationError"
    assert "SNS:CreateTopic" in topic.value.response["Error"]["Message"]
