"""The records that SES reads: DKIM aliases, and the MX record of a MAIL FROM domain.

https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
https://docs.aws.amazon.com/ses/latest/dg/mail-from.html
"""

from sending.dns.answers import Status, View, bare
from sending.dns.lookups import Lookups
from sending.dns.verdicts import Verdict, Wanted, settle, unless_found
from sending.models import RecordState

_HOPS = 4


def check_dkim(wanted: Wanted, lookups: Lookups) -> Verdict:
    """The alias of a DKIM key; a key of the tenant's own (TXT) must be there at all."""
    if wanted.kind == "TXT":
        return settle(lookups.find(wanted.name, "TXT"), _own_key)
    return settle(
        lookups.find(wanted.name, "CNAME"), lambda view: _alias(view, wanted, lookups, _HOPS)
    )


def _alias(view: View, wanted: Wanted, lookups: Lookups, hops: int) -> Verdict:
    missing = unless_found(view, "CNAME")
    if missing:
        return missing
    target, expected = view.values[0], bare(wanted.value)
    if view.values == (expected,):
        return Verdict(RecordState.OK, "Points at the key that Amazon keeps.", view.values)
    for further in lookups.find(target, "CNAME").views if hops else ():
        if further.status == Status.FOUND:
            behind = _alias(further, wanted, lookups, hops - 1)
            if behind.state == RecordState.OK:
                words = f"Points at Amazon's key by way of {target}."
                return Verdict(RecordState.OK, words, view.values)
    return Verdict(RecordState.WRONG, _why_wrong(target, expected, wanted.name), view.values)


def _why_wrong(target: str, expected: str, name: str) -> str:
    if target.startswith(f"{expected}.") and name.endswith(target.removeprefix(f"{expected}.")):
        return (
            "Your DNS host has put the domain's own name behind the value. Type the value with a "
            "dot at its end."
        )
    return (
        f"Points at {target}. Change it to the value shown here; if nobody made this record, a "
        "wildcard (*) record answers for it."
    )


def _own_key(view: View) -> Verdict:
    missing = unless_found(view, "TXT")
    if missing:
        return missing
    if any("p=" in value and not value.rstrip(" ;").endswith("p=") for value in view.values):
        return Verdict(RecordState.OK, "A key is published.", view.values)
    return Verdict(RecordState.WRONG, "No key (p=…) is in this record.", view.values)


def check_mx(wanted: Wanted, lookups: Lookups) -> Verdict:
    """Exactly one MX record, naming Amazon's bounce host of the account's region."""

    def judge(view: View) -> Verdict:
        missing = unless_found(view, "MX")
        if missing:
            return missing
        hosts = [value.partition(" ")[2] for value in view.values]
        expected = wanted.value.partition(" ")[2]
        if hosts == [expected]:
            return Verdict(RecordState.OK, "Bounces find their way to Amazon.", view.values)
        return Verdict(RecordState.WRONG, _why_mx(hosts, expected), view.values)

    return settle(lookups.find(wanted.name, "MX"), judge)


def _why_mx(hosts: list[str], expected: str) -> str:
    if expected in hosts:
        return (
            "Amazon wants exactly one MX record at this name. Remove the others, or choose a name "
            "that receives no mail."
        )
    if any(host.startswith("feedback-smtp.") for host in hosts):
        return f"Names Amazon's host of another region. Your account needs {expected}."
    return (
        f"Names {', '.join(hosts[:3])}. Bounces must go to Amazon: this name cannot receive other "
        "mail as well, so choose another one for MAIL FROM if it does."
    )
