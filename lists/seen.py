"""Which addresses a file has had already, in twelve bytes a row and a half."""

from array import array


class Seen:
    """Remembers up to `capacity` strings by hash, each with its line.

    A set of five million strings takes half a gigabyte; this takes 100 MB. Two strings with the
    same 64-bit hash, which Python seeds anew for each process, would count as one: at five
    million rows a chance of one in a million.
    """

    def __init__(self, capacity: int) -> None:
        size = 1 << max(8, (capacity * 8 // 5).bit_length())
        self._mask = size - 1
        self._hashes = array("q", [0]) * size
        self._lines = array("I", [0]) * size

    def add(self, key: str, line: int) -> int:
        """Remembers the key; returns 0 where it is new, else the line that had it first."""
        wanted = hash(key) or 1
        at = wanted & self._mask
        hashes = self._hashes
        while found := hashes[at]:
            if found == wanted:
                return self._lines[at]
            at = (at + 1) & self._mask
        hashes[at] = wanted
        self._lines[at] = line
        return 0
