"""Who keeps a mailbox, by the domain of its address.

A company's own domain may lie with Google or Microsoft too. That is not seen from the address, so
such mails stand under OTHER. Yahoo Japan is a company of its own and stands there as well.
"""

from sending.models import Provider

_MICROSOFT_COUNTRIES = """
    ar at be ca cl cn co.id co.il co.jp co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.cn
    com.gr com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.vn cz de dk es fi fr gr hu ie
    in it jp kr lt lv my nl no ph pt rs ru se sg sk
""".split()
_YAHOO_COUNTRIES = """
    at be ca ch co.id co.il co.in co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.cn com.co
    com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.ve com.vn cz de dk es fi fr gr hu ie
    in it nl no pl pt ro se
""".split()
_DOMAINS = {
    Provider.GMAIL: "gmail.com googlemail.com",
    Provider.MICROSOFT: " ".join(
        [
            "outlook.com hotmail.com live.com msn.com windowslive.com passport.com",
            *(f"outlook.{one} hotmail.{one} live.{one}" for one in _MICROSOFT_COUNTRIES),
        ]
    ),
    Provider.YAHOO: " ".join(
        [
            "yahoo.com ymail.com rocketmail.com myyahoo.com aol.com aim.com verizon.net aol.de",
            "aol.co.uk aol.fr aol.it aol.es",
            *(f"yahoo.{one}" for one in _YAHOO_COUNTRIES),
        ]
    ),
    Provider.APPLE: "icloud.com me.com mac.com",
    Provider.GMX: "gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.org gmx.eu gmx.info gmx.co.uk gmx.fr "
    "gmx.es gmx.us web.de",
    Provider.PROTON: "proton.me protonmail.com protonmail.ch pm.me",
}
_PROVIDERS = {domain: one for one, domains in _DOMAINS.items() for domain in domains.split()}
# What is sent there is left out of AWS's rates:
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
SIMULATOR = "simulator.amazonses.com"


def domain_of(address: str) -> str:
    """What stands behind the last @, in small letters."""
    return address[address.rfind("@") + 1 :].lower()


def provider_of(domain: str) -> Provider:
    """Who keeps the mailboxes of a domain in small letters."""
    return _PROVIDERS.get(domain, Provider.OTHER)
