"""One bell a burst: whoever stores an event rings it, and the translator silences it."""

from tenants.valkey import valkey

_KEY = "webhooks:bell"
_SECONDS = 30


def ring() -> bool:
    """Whether this is the first ring of a burst, so that a translator must be called.

    Forgets itself after half a minute, in case the called one was lost. Raises RedisError.
    """
    return bool(valkey().set(_KEY, 1, nx=True, ex=_SECONDS))


def silence() -> None:
    """From now on the next event rings again. Called before looking, so none slips through."""
    valkey().delete(_KEY)
