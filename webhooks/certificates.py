"""The certificates that SNS signs with, fetched once and kept."""

from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, build_opener

from cryptography import x509
from django.conf import settings

_TIMEOUT = 5
_MAX_BYTES = 16 * 1024


class CertificateUnavailable(Exception):
    """The certificate could not be fetched or read just now."""


class _NoRedirects(HTTPRedirectHandler):
    """An answer that sends us elsewhere is an error: only the checked address may answer."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


@lru_cache(maxsize=1)
def opener() -> OpenerDirector:
    """What fetches: no redirects."""
    return build_opener(_NoRedirects)


@lru_cache(maxsize=64)  # remembers certificates; an error is raised and so never remembered
def certificate(url: str) -> x509.Certificate:
    """The certificate at an address that webhooks.sns.is_certificate_url has let pass.

    AWS_SNS_ORIGIN replaces the origin where another service stands in for SNS. Raises
    CertificateUnavailable.
    """
    if settings.AWS_SNS_ORIGIN:
        url = settings.AWS_SNS_ORIGIN + urlsplit(url).path
    try:
        with opener().open(url, timeout=_TIMEOUT) as answer:
            pem = answer.read(_MAX_BYTES + 1)
        if len(pem) > _MAX_BYTES:
            raise CertificateUnavailable("the signing certificate is too long")
        return x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError) as error:
        raise CertificateUnavailable("the signing certificate cannot be read") from error
