"""Endpoints that show what every endpoint shares; a URL configuration of the tests alone."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404
from django.urls import path
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bluefox import urls
from tenants.api.bodies import StrictSerializer
from tenants.errors import BluefoxError, Conflict
from tenants.models import ApiKey, Scope


class Line(StrictSerializer):
    email = serializers.EmailField()


class Body(StrictSerializer):
    name = serializers.CharField(max_length=10)
    lines = Line(many=True, required=False)
    values = serializers.DictField(required=False)


class Echo(APIView):
    scope = Scope.CONTACTS

    def post(self, request: Request) -> Response:
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(body.validated_data)


class Row(serializers.Serializer[ApiKey]):
    name = serializers.CharField()


class Rows(generics.ListAPIView[ApiKey]):
    scopes = {"GET": Scope.EMAILS_READ}
    serializer_class = Row

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.for_tenant(cast(ApiKey, self.request.auth).tenant)


class Raises(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request, what: str) -> Response:
        errors: dict[str, Exception] = {
            "missing": Http404(),
            "refused": BluefoxError("The list is empty.", param="list"),
            "conflict": Conflict("It is sent already."),
            "defect": RuntimeError("ann@example.com"),
        }
        raise errors[what]


class NoScope(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns: list[Any] = [
    path("api/v1/test/echo", Echo.as_view()),
    path("api/v1/test/rows", Rows.as_view()),
    path("api/v1/test/raises/<str:what>", Raises.as_view()),
    path("api/v1/test/no-scope", NoScope.as_view()),
    *urls.urlpatterns,
]
handler404 = urls.handler404
handler500 = urls.handler500
