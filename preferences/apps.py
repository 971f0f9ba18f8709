from django.apps import AppConfig


class PreferencesConfig(AppConfig):
    name = "preferences"

    def ready(self) -> None:
        from preferences import receivers  # noqa: F401, PLC0415 (models must be loaded first)
