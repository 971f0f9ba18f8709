"""Which encoding the bytes of a CSV file are in."""

import codecs
import re
from typing import IO

from charset_normalizer import from_bytes

from lists.errors import FileRefused

# What spreadsheets write by themselves, the likeliest first. charset-normalizer knows a hundred
# more, and takes a few names for one of those.
SINGLE_BYTE = {
    "cp1252": "Western European (Windows-1252)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "iso8859_15": "Western European (ISO 8859-15)",
    "iso8859_2": "Central European (ISO 8859-2)",
}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a mark at its start",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    **SINGLE_BYTE,
}

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 256 * 1024
_FOREIGN_WORDS = re.compile(rb"[A-Za-z'\x80-\xff]*[\x80-\xff][A-Za-z'\x80-\xff]*")


def find_encoding(file: IO[bytes], head: bytes) -> str:
    """A key of ENCODINGS, from the first block that is not plain ASCII.

    `head` is what has been read of the file already. A few names in one byte a letter may be
    taken for a neighbour's: the mapping page shows them and lets a person choose. Raises
    FileRefused for a binary file.
    """
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if b"\0" in head:
        return _wide_encoding(head)
    while head.isascii():
        head = file.read(_BLOCK)
        if not head:
            return "utf-8"
    return "utf-8" if _is_utf8(head) else _single_byte_encoding(head)


def _is_utf8(block: bytes) -> bool:
    """Whether it is UTF-8, though it may begin and end within a character."""
    start = next((i for i, byte in enumerate(block[:4]) if byte & 0xC0 != 0x80), 0)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block[start:])
    except UnicodeDecodeError:
        return False
    return True


def _wide_encoding(head: bytes) -> str:
    """UTF-16 without its mark: most characters of a table have a zero byte, on one side."""
    pairs = head[: len(head) // 2 * 2]
    for encoding, zeros in (("utf-16-le", pairs[1::2]), ("utf-16-be", pairs[::2])):
        if zeros.count(0) > len(zeros) * 0.6:
            text = pairs.decode(encoding, errors="replace")
            if "\0" not in text:
                return encoding
    raise FileRefused("This is a binary file, not a CSV file: it holds bytes that are no text.")


def _single_byte_encoding(block: bytes) -> str:
    """The encoding in which words are made of letters, then the one charset-normalizer prefers."""
    words = b" ".join(_FOREIGN_WORDS.findall(block)[:2000])
    order = list(SINGLE_BYTE)
    matches = from_bytes(words, cp_isolation=order, threshold=1)
    ranked = sorted(
        (
            sum(not (c.isascii() or c.isalpha()) for c in str(match)),
            round(match.chaos, 2),
            -match.coherence,
            order.index(match.encoding),
        )
        for match in matches
        if match.encoding in SINGLE_BYTE
    )
    return order[ranked[0][-1] if ranked else 0]
