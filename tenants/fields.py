"""Encrypted storage for tenants' secrets: AWS keys, captcha secrets."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from tenants.errors import SecretUnreadable


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The cipher of FIELD_ENCRYPTION_KEYS: encrypts with the first key, decrypts with any."""
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))


@dataclass(frozen=True)
class _Sealed:
    """A ciphertext as it was read. It is no text, so it is never shown or sent by mistake."""

    ciphertext: str = field(repr=False)


class _OpenedOnUse(DeferredAttribute):
    field: "EncryptedJSONField"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if isinstance(value, _Sealed):
            value = instance.__dict__[self.field.attname] = self.field.open(value.ciphertext)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        # Without it Python would read the instance's dictionary and never ask __get__.
        instance.__dict__[self.field.attname] = value


class EncryptedJSONField(models.TextField):
    """A JSON value stored encrypted (Fernet). None and {} stay readable as empty.

    Fernet has no associated data, so the table and column are sealed in with the value and
    checked when it is opened: a ciphertext copied into another column does not open there.
    It is opened when the attribute is first used, so that one row whose key is gone does not stop
    those who only list rows. Then it raises SecretUnreadable; it never returns ciphertext.
    """

    descriptor_class = _OpenedOnUse
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
        return _Sealed(value) if value else {}

    def open(self, ciphertext: str) -> Any:
        """The value in a ciphertext of this column. Raises SecretUnreadable."""
        try:
            opened = json.loads(cipher().decrypt(ciphertext.encode()))
        except InvalidToken as error:
            raise SecretUnreadable(
                f"{self._purpose()} cannot be decrypted: the key it was written with is no "
                "longer in FIELD_ENCRYPTION_KEYS"
            ) from error
        if opened["for"] != self._purpose():
            raise SecretUnreadable(f"{self._purpose()} holds a secret of {opened['for']}")
        return opened["value"]
