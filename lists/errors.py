"""Errors of the lists app."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from tenants.errors import BluefoxError, Conflict


class BadToken(BluefoxError):
    """A link that is not ours, not for this purpose, or was cut off on its way."""

    code = "bad_token"

    def __init__(self) -> None:
        super().__init__(
            _("This link is not complete. Copy the whole link from the mail and open it again.")
        )


class CaptchaRefused(BluefoxError):
    """The answer to the captcha does not count: missing, wrong, used, expired or foreign."""

    code = "captcha_refused"


class CaptchaUnavailable(BluefoxError):
    """The captcha cannot be checked now, so nobody is let through."""

    code = "captcha_unavailable"

    def __init__(self) -> None:
        super().__init__(
            _(
                "We cannot check just now that you are not a robot. "
                "Please try again in a few minutes."
            )
        )


class TooManySignups(BluefoxError):
    """More sign-ups came from one place, or through one form, than people make."""

    code = "rate_limited"

    def __init__(self) -> None:
        super().__init__(_("There were too many sign-ups in a short time. Please try again later."))


class ConfirmationExpired(BluefoxError):
    """The link is older than its days, or its reader has unsubscribed since it was sent."""

    code = "expired"

    def __init__(self) -> None:
        super().__init__(_("This link has expired. You can have a new one sent to you."))


class SignupClosed(BluefoxError):
    """The form takes nobody at the moment: switched off, without lists, or it cannot mail."""

    code = "closed"

    def __init__(self) -> None:
        super().__init__(_("This form takes no sign-ups at the moment."))


class InvalidAddress(BluefoxError):
    """Not an address that can be mailed; the message says why."""

    code = "invalid_email"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="email")


class InvalidContact(BluefoxError):
    """A value of a contact that cannot be stored; `param` names it."""

    code = "invalid_contact"


class ListNameTaken(BluefoxError):
    """Two lists of one workspace cannot be told apart by name."""

    code = "list_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a list named {name} already.", param="name")


class ListInUse(Conflict):
    """Mail to the list is on its way or planned, or a segment names it."""

    code = "list_in_use"

    def __init__(self, users: str) -> None:
        super().__init__(f"This list is in use: {users}. Change or stop that first.")


class FileRefused(BluefoxError):
    """A file that cannot be imported as it is. Nothing of it has been used."""

    code = "file_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="file")


class ImportRefused(BluefoxError):
    """An import that cannot go on as asked."""

    code = "import_refused"


class ImportStarted(ImportRefused):
    """An import that has left the wizard: another tab or a second click was faster."""

    def __init__(self) -> None:
        super().__init__("This import has been started already. Here is how it stands.")


class RecordsRefused(BluefoxError):
    """Records of a program that are none: `param` is the path of the first that is wrong."""

    code = "invalid_record"


class TooManyImports(BluefoxError):
    """So many imports of a workspace wait for a worker that it has to wait with more."""

    code = "rate_limited"


class FieldRefused(BluefoxError):
    """A text that is no value of its field's kind."""

    code = "invalid_field"


class FieldTaken(BluefoxError):
    """Another field has this name, or Bluefox itself."""

    code = "field_taken"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="label")


class TagRefused(BluefoxError):
    """A name that is no tag's, or another tag's."""

    code = "tag_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="name")


class FilterGone(BluefoxError):
    """A filter names a list, tag or status that is not there (any more)."""

    code = "filter_gone"

    def __init__(self) -> None:
        super().__init__("The list or tag of this filter is gone. Choose again.")


class BulkRefused(BluefoxError):
    """An act on many contacts that cannot be done as asked."""

    code = "bulk_refused"


class ErasedForGood(BluefoxError):
    """An address whose owner was erased is never mailed again."""

    code = "erased"

    def __init__(self) -> None:
        super().__init__(
            "This person was erased on request, so their address stays suppressed for good."
        )


class SegmentRefused(BluefoxError):
    """A definition that does not read. `problems`: group and condition (0: as a whole), words."""

    code = "invalid_segment"

    def __init__(self, problems: Sequence[tuple[int, int, str]]) -> None:
        super().__init__(" ".join(map(_in_words, problems)), param="definition")
        self.problems = tuple(problems)


def _in_words(problem: tuple[int, int, str]) -> str:
    group, condition, why = problem
    if not group:
        return why
    return f"Group {group}, condition {condition}: {why}" if condition else f"Group {group}: {why}"


class SegmentNameTaken(BluefoxError):
    """Two segments of one workspace cannot be told apart by name."""

    code = "segment_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a segment named {name} already.", param="name")


class InUse(Conflict):
    """What is to be deleted is used; `users` are the names of what uses it."""

    code = "in_use"

    def __init__(self, name: str, users: Sequence[str]) -> None:
        named = ", ".join(users[:10]) + (" and others" if len(users) > 10 else "")
        super().__init__(f"{name} is used by {named}. Change that first, then delete it.")
        self.users = tuple(users)
