"""Which encoding the bytes of a CSV file are in."""

import codecs
import re
from contextlib import suppress
from itertools import pairwise
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
# The likeliest first where a text has no letters that tell.
DOUBLE_BYTE = {
    "cp932": "Japanese (Shift JIS)",
    "cp950": "Chinese, traditional (Big5)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "euc_jp": "Japanese (EUC-JP)",
    "cp949": "Korean (Windows-949)",
}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a mark at its start",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    **SINGLE_BYTE,
    "mac_roman": "Western European (Mac)",
    **DOUBLE_BYTE,
}

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 256 * 1024
_FOREIGN_WORDS = re.compile(rb"[A-Za-z'\x80-\xff]*[\x80-\xff][A-Za-z'\x80-\xff]*")
_ENOUGH = 4  # letters of two bytes; fewer may be some umlauts
_MIXED = re.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]")
_KANA, _HALF_WIDTH = re.compile("[\u3041-\u30ff]"), re.compile("[\uff61-\uff9f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")


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
    return "utf-8" if _is_utf8(head) else _legacy_encoding(head)


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


def _legacy_encoding(block: bytes) -> str:
    """The encoding in which words are made of letters, then the one charset-normalizer prefers; one
    of two bytes a letter where every other leaves too many signs.
    """
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
    found = order[ranked[0][-1] if ranked else 0]
    # Two bytes a letter, read as one, are signs, and capitals behind small letters.
    text = words.decode(found, errors="replace")
    wrong = sum(not (c.isascii() or c.isalpha()) for c in text)
    wrong += sum(a.islower() and b.isupper() and not b.isascii() for a, b in pairwise(text))
    if wrong * 6 >= sum(not c.isascii() for c in text):
        return _double_byte_encoding(block) or found
    return found


def _double_byte_encoding(block: bytes) -> str:
    """The encoding in which whole lines are letters, apart from the Latin ones; "" for none."""
    lines = block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1] or block
    fitting: dict[str, str] = {}
    for encoding in DOUBLE_BYTE:
        with suppress(UnicodeDecodeError):
            text = lines.decode(encoding)
            foreign = "".join(c for c in text if not (c.isascii() or c in "\u3000・"))
            if (
                len(foreign) >= _ENOUGH
                and foreign.isalpha()
                and not _MIXED.search(text)
                and not _HALF_WIDTH.search(text)
            ):
                fitting[encoding] = foreign
    if "cp949" in fitting and len(_HANGUL.findall(fitting["cp949"])) == len(fitting["cp949"]):
        return "cp949"
    first = [one for one in ("cp932", "euc_jp") if _KANA.search(fitting.get(one, ""))]
    if "gb18030" in fitting:
        # Half of Big5's characters end in a byte below 0x80, none of GB 2312's.
        with suppress(UnicodeDecodeError):
            lines.decode("gb2312")
            first.append("gb18030")
    return next(iter([*first, *fitting]), "")
