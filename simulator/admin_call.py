"""What every admin call has, and how its JSON is checked."""

import typing
from typing import Any

from simulator.accounts import Account, Region
from simulator.cloud import Cloud
from simulator.store import from_json
from simulator.web import ApiError, Request, Response, json_response


class AdminCall:
    """One call: the request, its variable path segments, its query."""

    def __init__(self, request: Request, cloud: Cloud, arguments: list[str]) -> None:
        self.request = request
        self.cloud = cloud
        self.arguments = arguments
        self.params = request.params()

    @property
    def account(self) -> Account:
        """The account named in the path."""
        found = self.cloud.store.accounts.get(self.arguments[0])
        if found is None:
            raise ApiError("NotFound", f"No account {self.arguments[0]}.", 404)
        return found

    @property
    def region(self) -> Region:
        """The region named in the path."""
        return self.account.region(self.arguments[1])

    @property
    def since(self) -> float:
        """The query's `since`, seconds since 1970."""
        try:
            return float(self.params.get("since", "0"))
        except ValueError:
            raise bad("since must be seconds since 1970") from None

    def changed(self, answer: object) -> Response:
        """Note a change of the kept state and answer."""
        self.cloud.store.touch()
        return json_response(answer)


def parsed(kind: Any, value: dict[str, Any]) -> Any:
    """Return a dataclass from JSON. Raises ApiError 400 naming what does not fit."""
    try:
        return from_json(kind, value)
    except TypeError as error:
        raise bad(str(error)) from None


def assign(target: object, values: dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Set attributes of a dataclass. Raises ApiError 400, changing nothing, for other names or
    for values that are not of the attribute's type."""
    unknown = set(values) - set(allowed)
    if unknown:
        raise bad(f"unknown: {', '.join(sorted(unknown))}; allowed: {', '.join(allowed)}")
    hints = typing.get_type_hints(type(target))
    checked = {}
    for name, value in values.items():
        try:
            checked[name] = from_json(hints[name], value)
        except TypeError as error:
            raise bad(f"{name}: {error}") from None
    for name, value in checked.items():
        setattr(target, name, value)


def bad(message: str) -> ApiError:
    """Return the error for a wrong admin call."""
    return ApiError("BadRequest", message)
