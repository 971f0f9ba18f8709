"""Names as the DNS writes them."""

import idna


def ascii_name(name: str) -> str:
    """A domain in ASCII and lower case: münchen.example becomes xn--mnchen-3ya.example.

    A label that is ASCII already stays as it is, underscores too. Raises ValueError for a name
    that IDNA does not know.
    """
    labels = name.strip().rstrip(".").lower().split(".")
    try:
        return ".".join(
            label if label.isascii() else idna.encode(label, uts46=True).decode()
            for label in labels
        )
    except idna.IDNAError as error:
        raise ValueError(str(error)) from error


def shown(name: str) -> str:
    """The name as people write it, where it is an international one; else as it is."""
    if "xn--" not in name:
        return name
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name
