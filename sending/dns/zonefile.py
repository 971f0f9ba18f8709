"""Records as a zone file (RFC 1035 5), for DNS hosts that import one."""

from collections.abc import Iterable

from sending.dns.verdicts import Wanted

TTL = 3600
_STRING = 255  # bytes of one character-string; a longer TXT is written in several


def zone_file(domain: str, records: Iterable[Wanted]) -> str:
    """The records with full names, so that it does not matter where it is imported."""
    lines = [f"; What Amazon SES and receivers look for in the DNS of {domain}.", f"$TTL {TTL}"]
    for record in records:
        lines.append(f"{record.name}.\tIN\t{record.kind}\t{_value(record)}")
    return "\n".join(lines) + "\n"


def _value(record: Wanted) -> str:
    if record.kind != "TXT":
        return f"{record.value}."
    octets = record.value.encode()
    parts = [octets[start : start + _STRING] for start in range(0, len(octets), _STRING)]
    return " ".join(f'"{_escaped(part)}"' for part in parts or [b""])


def _escaped(octets: bytes) -> str:
    return "".join(
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03d}"
        for byte in octets
    )
