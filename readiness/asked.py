"""What AWS asks of a sender, line by line, and how much each counts.

Weights sum to 100. They say what a refusal hangs on: handling of bounces and a proven domain most,
then how people get onto the lists. The request itself counts nothing: it is what the rest is for.
Sources: https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html and
https://docs.aws.amazon.com/ses/latest/dg/best-practices.html.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """One line: its title, why AWS asks, where the guide tells more, its share of the score."""

    key: str
    title: str
    why: str
    guide: str  # name of a guide page
    anchor: str
    weight: int


LINES = (
    Asked(
        "connection",
        "Amazon SES is connected",
        "Your mail leaves through your own AWS account, so AWS judges you by what you send.",
        "set-up-ses",
        "connect-bluefox",
        10,
    ),
    Asked(
        "company",
        "You say who you are",
        "A person at AWS opens your website. The law of many countries wants your postal address "
        "in every campaign.",
        "production-access",
        "before-you-ask",
        5,
    ),
    Asked(
        "domain",
        "Your domain is yours, and signs your mail",
        "DKIM records prove that the domain is yours, and every mail carries its signature.",
        "set-up-ses",
        "verify-your-domain",
        15,
    ),
    Asked(
        "dns",
        "DMARC, SPF and MAIL FROM",
        "Gmail, Yahoo and Outlook refuse bulk mail of a domain without DMARC, and AWS expects you "
        "to know that.",
        "set-up-ses",
        "dmarc-spf-and-mail-from",
        10,
    ),
    Asked(
        "feedback",
        "Bounces and complaints come back",
        "AWS asks how you handle them. The self-test proves it with a real bounce.",
        "bounces-and-complaints",
        "one-click",
        15,
    ),
    Asked(
        "suppression",
        "Nobody who bounced or complained is mailed again",
        "Mailing them again is what raises your rates, and what AWS pauses accounts for.",
        "bounces-and-complaints",
        "the-suppression-list",
        5,
    ),
    Asked(
        "optin",
        "People confirm before they are mailed",
        "AWS asks how you collect addresses. Double opt-in is the answer that needs no proof: who "
        "did not click gets nothing.",
        "production-access",
        "double-opt-in",
        10,
    ),
    Asked(
        "captcha",
        "Robots cannot sign others up",
        "Robots fill in forms with strangers' addresses. Each confirmation mail to them is a "
        "complaint in waiting.",
        "production-access",
        "forms-and-captchas",
        5,
    ),
    Asked(
        "preferences",
        "Readers choose what they get",
        "Who can pause, or leave one list and keep another, has no reason to press “spam”.",
        "production-access",
        "leaving-is-easy",
        3,
    ),
    Asked(
        "unsubscribe",
        "Every campaign has an unsubscribe link",
        "AWS asks how people leave. The link must be visible, and work without a login.",
        "production-access",
        "leaving-is-easy",
        5,
    ),
    Asked(
        "one_click",
        "Mail programs can unsubscribe with one click",
        "Gmail and Yahoo demand the headers of RFC 8058 from bulk senders, and show a button of "
        "their own for them.",
        "production-access",
        "leaving-is-easy",
        7,
    ),
    Asked(
        "queue",
        "Mail leaves within AWS's limits",
        "AWS limits mails a second and in 24 hours, and refuses what is above.",
        "keeping-it",
        "volume",
        5,
    ),
    Asked(
        "rates",
        "Few bounces, hardly a complaint",
        "AWS reviews an account at 5 % bounces or 0.1 % complaints, and may pause it at 10 % or "
        "0.5 %.",
        "keeping-it",
        "the-lines-of-aws",
        5,
    ),
    Asked(
        "access",
        "Production access",
        "In the sandbox AWS delivers to addresses that you have verified only, 200 a day.",
        "production-access",
        "ask-for-it",
        0,
    ),
)
BY_KEY = {line.key: line for line in LINES}
