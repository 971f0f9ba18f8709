"""Encrypted storage for tenants' secrets: AWS keys, captcha secrets."""

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from tenants.errors import SecretUnreadable


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher of FIELD_ENCRYPTION_KEYS: encrypts with the first key, decrypts with any."""
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))


class EncryptedJSONField(models.TextField):
    """A JSON value stored encrypted (Fernet). None and {} stay readable as empty.

    Fernet has no associated data, so the table and column are sealed in with the value and
    checked when it is read: a ciphertext copied into another column does not open there.
    Raises SecretUnreadable when it cannot be opened; never returns ciphertext.
    """

    # What django-stubs takes for the type of the attribute.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def _purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value: Any) -> str:
        if not value:
            return ""
        sealed = json.dumps({"for": self._purpose(), "value": value})
        return cipher().encrypt(sealed.encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        if not value:
            return {}
        try:
            opened = json.loads(cipher().decrypt(value.encode()))
        except InvalidToken as error:
            raise SecretUnreadable(
                f"{self._purpose()} cannot be decrypted: the key it was written with is no "
                "longer in FIELD_ENCRYPTION_KEYS"
            ) from error
        if opened["for"] != self._purpose():
            raise SecretUnreadable(f"{self._purpose()} holds a secret of {opened['for']}")
        return opened["value"]
