from django.apps import AppConfig


class SendingConfig(AppConfig):
    name = "sending"

    def ready(self) -> None:
        from sending import receivers  # noqa: F401, PLC0415 (models must be loaded first)
