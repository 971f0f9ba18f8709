"""What openapi.yaml says of every operation without each view saying it again."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema as BaseAutoSchema

from tenants.api.authentication import needed_scope
from tenants.api.errors import ErrorAnswer


class AutoSchema(BaseAutoSchema):
    """Adds the shape of errors, and the scope that the key needs."""

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        error = self._get_response_for_code(ErrorAnswer, "default", direction=direction)
        return bodies | {"default": error | {"description": "What was wrong, and what to do."}}

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular has no arguments
        description: str = super().get_description()
        scope = needed_scope(self.view, self.method)
        return (
            f"{description}\n\nThe key needs the scope `{scope.value}`." if scope else description
        )
