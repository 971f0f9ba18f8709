"""The CloudFormation template that makes our role in a tenant's account.

The permissions are those of sending.ses.policies: one source, two ways to bring it to AWS.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
"""

from typing import Any
from urllib.parse import quote, urlencode

from sending.ses.client import partition
from sending.ses.policies import permissions_in, trust_of

STACK = "bluefox"
_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def template(defaults: dict[str, str] | None = None) -> dict[str, Any]:
    """The template; `defaults` fill in what the console asks for, by the parameter's name."""
    parameters: dict[str, Any] = {
        "PlatformAccountId": {
            "Type": "String",
            "AllowedPattern": "^[0-9]{12}$",
            "Description": "The AWS account of the service that may use the role.",
        },
        "ExternalId": {
            "Type": "String",
            "MinLength": 22,
            "MaxLength": 1224,
            "NoEcho": True,
            "Description": "The external id that the service shows for this connection.",
        },
        "ConfigurationSet": {
            "Type": "String",
            "AllowedPattern": "^[A-Za-z0-9_-]{1,64}$",
            "Description": "The configuration set that the service makes and uses.",
        },
    }
    for name, value in (defaults or {}).items():
        parameters[name]["Default"] = value
    permissions = permissions_in("${AWS::Partition}", "${AWS::Region}", "${ConfigurationSet}")
    trust = trust_of(
        {"Fn::Sub": "arn:${AWS::Partition}:iam::${PlatformAccountId}:root"},
        {"Ref": "ExternalId"},
    )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "A role that lets Bluefox send through Amazon SES here, and nothing else.",
        "Parameters": parameters,
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "Description": "Bluefox sends through Amazon SES with this role.",
                    "MaxSessionDuration": 3600,
                    "AssumeRolePolicyDocument": trust,
                    "Policies": [
                        {"PolicyName": STACK, "PolicyDocument": _substituted(permissions)}
                    ],
                },
            }
        },
        "Outputs": {
            "RoleArn": {
                "Description": "Paste this into Bluefox.",
                "Value": {"Fn::GetAtt": ["Role", "Arn"]},
            }
        },
    }


def quick_create_url(region: str, template_url: str, parameters: dict[str, str]) -> str:
    """The link that opens the console with everything filled in. The template must be on S3."""
    console = _CONSOLES.get(partition(region), "console.aws.amazon.com")
    given = {"templateURL": template_url, "stackName": STACK} | {
        f"param_{name}": value for name, value in parameters.items()
    }
    query = urlencode(given, quote_via=quote)
    return f"https://{console}/cloudformation/home?region={region}#/stacks/create/review?{query}"


def _substituted(value: Any) -> Any:
    """The same document, its strings with ${…} for CloudFormation to fill in."""
    if isinstance(value, dict):
        return {key: _substituted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_substituted(one) for one in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${" in value else value
