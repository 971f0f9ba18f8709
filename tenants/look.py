"""What may be a tenant's colour and logo: checked once, when it is saved."""

import re

from tenants.errors import LookRefused

LOGO_BYTES = 200 * 1024
# WCAG 2.2, 1.4.3 Contrast (Minimum), for text of ordinary size.
LEAST_CONTRAST = 4.5

_COLOUR = re.compile(r"#[0-9a-f]{6}")
# What a picture begins with. No SVG: it is a document that runs scripts.
_KINDS = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)


def read_colour(text: str) -> str:
    """The colour as #rrggbb in lower case; "" for none.

    Buttons have white text, so it must be dark enough. Raises LookRefused, which offers the
    nearest one that is.
    """
    colour = text.strip().lower()
    if not colour:
        return ""
    if not _COLOUR.fullmatch(colour):
        raise LookRefused("Write the colour as # and six digits or letters a to f.", "colour")
    contrast = contrast_with_white(colour)
    if contrast < LEAST_CONTRAST:
        raise LookRefused(
            f"White text on {colour} is hard to read: its contrast is {contrast:.1f}, and "
            f"{LEAST_CONTRAST} is the least. {_darker(colour)} is the nearest that will do.",
            "colour",
        )
    return colour


def contrast_with_white(colour: str) -> float:
    """From 1 to 21, as WCAG 2.2 defines contrast ratio and relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    red, green, blue = linear
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _darker(colour: str) -> str:
    for share in range(99, -1, -1):
        channels = (int(colour[at : at + 2], 16) * share // 100 for at in (1, 3, 5))
        darker = "#" + "".join(f"{channel:02x}" for channel in channels)
        if contrast_with_white(darker) >= LEAST_CONTRAST:
            return darker
    raise AssertionError("black has a contrast of 21")


def kind_of_picture(data: bytes) -> str:
    """The media type of a picture by its first bytes. Raises LookRefused for anything else."""
    if len(data) > LOGO_BYTES:
        raise LookRefused(
            f"The file is larger than {LOGO_BYTES // 1024} KB. Choose a smaller one.", "logo"
        )
    for kind, beginning in _KINDS:
        if beginning.match(data):
            return kind
    raise LookRefused("Choose a PNG, JPEG, GIF or WebP picture.", "logo")
