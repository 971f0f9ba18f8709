"""SES accounts and domains for developers, below /api/v1/."""

from django.urls import path

from sending.api.accounts import AccountView
from sending.api.domains import DomainCheck, Domains, DomainStartAgain, DomainView

urlpatterns = [
    path("account", AccountView.as_view(), name="account"),
    path("domains", Domains.as_view(), name="domains"),
    path("domains/<uuid:public_id>", DomainView.as_view(), name="domain"),
    path("domains/<uuid:public_id>/check", DomainCheck.as_view(), name="domain_check"),
    path(
        "domains/<uuid:public_id>/start-again",
        DomainStartAgain.as_view(),
        name="domain_start_again",
    ),
]
