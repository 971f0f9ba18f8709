"""The IAM documents that a tenant copies: who may come in, and what we may do there.

Actions and their resource types:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
"""

from typing import Any

from sending.ses.client import partition
from sending.ses.provisioning import queue_name, topic_name

Policy = dict[str, Any]


def trust_policy(region: str, platform_account_id: str, external_id: str) -> Policy:
    """The trust policy of the tenant's role: only we, and only for this one connection."""
    return trust_of(f"arn:{partition(region)}:iam::{platform_account_id}:root", external_id)


def trust_of(principal: Any, external_id: Any) -> Policy:
    """The same; both may be something that CloudFormation fills in."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ],
    }


def permission_policy(region: str, configuration_set: str) -> Policy:
    """All that we call, and nothing else.

    The account in the resources is `*`: a policy of an identity only reaches its own account,
    and the document can be pasted without editing it.
    """
    return permissions_in(partition(region), region, configuration_set)


def actions() -> list[str]:
    """Every action of the permission policy, in its order."""
    statements = permissions_in("aws", "*", "*")["Statement"]
    return [action for statement in statements for action in statement["Action"]]


def proper_case(action: str) -> str:
    """The action as IAM writes it: refusals of SNS and SQS have SNS:Subscribe, sqs:createqueue."""
    return next((one for one in actions() if one.lower() == action.lower()), action)


def only(policy: Policy, wanted: set[str]) -> Policy:
    """The part of a policy that allows the wanted actions."""
    statements = [
        statement | {"Action": [one for one in statement["Action"] if one in wanted]}
        for statement in policy["Statement"]
    ]
    return policy | {"Statement": [one for one in statements if one["Action"]]}


def permissions_in(part: str, region: str, configuration_set: str) -> Policy:
    """The permission policy of a partition; each may be a placeholder of CloudFormation's."""
    identities = f"arn:{part}:ses:{region}:*:identity/*"
    our_set = f"arn:{part}:ses:{region}:*:configuration-set/{configuration_set}"
    topic = f"arn:{part}:sns:{region}:*:{topic_name(configuration_set)}"
    queue = f"arn:{part}:sqs:{region}:*:{queue_name(configuration_set)}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("ReadAccount", ["ses:GetAccount", "ses:ListEmailIdentities"], "*"),
            _allow(
                "SuppressionList",
                [
                    "ses:ListSuppressedDestinations",
                    "ses:PutSuppressedDestination",
                    "ses:DeleteSuppressedDestination",
                ],
                "*",
            ),
            _allow("Send", ["ses:SendEmail"], [identities, our_set]),
            _allow(
                "Identities",
                [
                    "ses:GetEmailIdentity",
                    "ses:CreateEmailIdentity",
                    "ses:PutEmailIdentityMailFromAttributes",
                    # A domain that SES has given up on can only be made anew.
                    "ses:DeleteEmailIdentity",
                ],
                identities,
            ),
            _allow(
                "ConfigurationSet",
                [
                    "ses:CreateConfigurationSet",
                    "ses:CreateConfigurationSetEventDestination",
                    "ses:UpdateConfigurationSetEventDestination",
                ],
                our_set,
            ),
            _allow(
                "EventTopic",
                [
                    "sns:CreateTopic",
                    "sns:SetTopicAttributes",
                    "sns:Subscribe",
                    "sns:ConfirmSubscription",
                    "sns:SetSubscriptionAttributes",
                    "sns:Unsubscribe",
                ],
                [topic, f"{topic}:*"],
            ),
            _allow(
                "DeadLetters",
                [
                    "sqs:CreateQueue",
                    "sqs:SetQueueAttributes",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                ],
                queue,
            ),
        ],
    }


def access_policy() -> Policy:
    """The one action that files a request for production access.

    Not in permission_policy: people at AWS read what it files, so a person says when it may be
    used. It knows no resource but `*`.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [_allow("AskForProductionAccess", ["ses:PutAccountDetails"], "*")],
    }


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> Policy:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
