"""What PutAccountDetails takes, checked as the service model says (botocore, sesv2)."""

import re
from collections.abc import Iterator
from typing import Any

from simulator.web import ApiError

# PutAccountDetailsRequest: WebsiteURL, UseCaseDescription, AdditionalContactEmailAddress(es).
WEBSITE = 1000
USE_CASE = 5000
CONTACTS = 4
CONTACT = range(6, 255)
_CONTACT = re.compile(r"(.+)@(.+)")
_REQUIRED = {"MailType": "mailType", "WebsiteURL": "websiteURL"}
_CHOICES = {
    "MailType": ("mailType", ("MARKETING", "TRANSACTIONAL")),
    "ContactLanguage": ("contactLanguage", ("EN", "JA")),
}


def check_details(body: dict[str, Any]) -> None:
    """Raise BadRequestException that tells every member which the model does not allow."""
    wrong = list(_wrong(body))
    if wrong:
        errors = "error" if len(wrong) == 1 else "errors"
        raise ApiError(
            "BadRequestException",
            f"{len(wrong)} validation {errors} detected: " + "; ".join(wrong),
        )


def _wrong(body: dict[str, Any]) -> Iterator[str]:
    for name, member in _REQUIRED.items():
        if body.get(name) is None:
            yield f"Value null at '{member}' {_FAILED}: Member must not be null"
    for name, (member, choices) in _CHOICES.items():
        if body.get(name) is not None and body[name] not in choices:
            yield f"Value at '{member}' {_FAILED}: Member must satisfy enum value set: " + (
                f"[{', '.join(choices)}]"
            )
    website = body.get("WebsiteURL")
    if website is not None and not website:
        yield f"Value at 'websiteURL' {_FAILED}: {_at_least(1)}"
    if len(website or "") > WEBSITE:
        yield f"Value at 'websiteURL' {_FAILED}: {_at_most(WEBSITE)}"
    if len(body.get("UseCaseDescription") or "") > USE_CASE:
        yield f"Value at 'useCaseDescription' {_FAILED}: {_at_most(USE_CASE)}"
    contacts = body.get("AdditionalContactEmailAddresses")
    if contacts is not None and not 1 <= len(contacts) <= CONTACTS:
        limit = _at_most(CONTACTS) if contacts else _at_least(1)
        yield f"Value at 'additionalContactEmailAddresses' {_FAILED}: {limit}"
    for number, address in enumerate(contacts or [], 1):
        where = f"Value at 'additionalContactEmailAddresses.{number}.member' {_FAILED}"
        if len(address) not in CONTACT:
            yield f"{where}: {_at_most(254) if len(address) > 254 else _at_least(6)}"
        elif not _CONTACT.fullmatch(address):
            yield f"{where}: Member must satisfy regular expression pattern: ^(.+)@(.+)$"


_FAILED = "failed to satisfy constraint"


def _at_least(length: int) -> str:
    return f"Member must have length greater than or equal to {length}"


def _at_most(length: int) -> str:
    return f"Member must have length less than or equal to {length}"
