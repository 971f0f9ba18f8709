"""DNS zones: what they hold, and what is wrong with the servers that answer for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rdata
from dns.rdataclass import IN
from dns.rdatatype import RdataType

from simulator.web import ApiError

FAULTS = ("", "servfail", "refuse", "drop", "slow")
SLOW_SECONDS = 3.0

Nodes = dict[dns.name.Name, dict[RdataType, list[dns.rdata.Rdata]]]


@dataclass
class Record:
    """One record. `value` as in a zone file: names with their last dot, TXT strings in quotes."""

    name: str
    kind: str
    value: str
    ttl: int = 300


@dataclass
class Zone:
    """A zone and the fault that strikes every question about it, one of FAULTS."""

    name: str
    records: list[Record] = field(default_factory=list)
    fault: str = ""

    def nodes(self) -> Nodes:
        """Return the records by name and type, the SOA among them.

        Raises ApiError for a record that is none, or that lies outside of the zone.
        """
        origin = dns.name.from_text(self.name)
        soa = f"ns.{self.name}. hostmaster.{self.name}. 1 3600 600 86400 60"
        found: Nodes = {}
        for record in [Record(self.name, "SOA", soa), *self.records]:
            try:
                name = dns.name.from_text(record.name)
                kind = RdataType.make(record.kind)
                rdata = dns.rdata.from_text(IN, kind, record.value)
            except (dns.exception.DNSException, ValueError) as error:
                raise ApiError("BadRequest", f"{record.kind} {record.name}: {error}") from None
            if not name.is_subdomain(origin):
                raise ApiError("BadRequest", f"{record.name} is not in the zone {self.name}")
            found.setdefault(name, {}).setdefault(kind, []).append(rdata)
        return found


class Zones:
    """Every zone that is served."""

    def __init__(self, zones: dict[str, Zone]) -> None:
        self._zones = zones

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones.values())

    def get(self, name: str) -> Zone:
        """Return the zone of this name. Raises ApiError 404."""
        found = self._zones.get(plain(name))
        if found is None:
            raise ApiError("NotFound", f"No zone {name}.", 404)
        return found

    def put(self, zone: Zone) -> Zone:
        """Add a zone, or take the place of the one of this name. Raises ApiError."""
        zone.name = plain(zone.name)
        if zone.fault not in FAULTS:
            raise ApiError("BadRequest", f"fault must be one of {', '.join(FAULTS)}")
        zone.nodes()
        self._zones[zone.name] = zone
        return zone

    def delete(self, name: str) -> None:
        """Remove a zone."""
        self._zones.pop(plain(name), None)

    def covering(self, name: str) -> Zone | None:
        """Return the zone that a name lies in: the one with the longest name."""
        labels = plain(name).split(".")
        candidates = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._zones[one] for one in candidates if one in self._zones), None)

    def values(self, name: str, kind: str) -> list[str]:
        """Return what stands at a name, as it is, and nothing while the zone has a fault."""
        zone = self.covering(name)
        if zone is None or zone.fault:
            return []
        node = zone.nodes().get(dns.name.from_text(name), {})
        return [rdata.to_text() for rdata in node.get(RdataType.make(kind), [])]

    def publish(self, apex: str, records: list[Record]) -> Zone:
        """Put records into the zone that covers a name, made if there is none.

        Of each name and type, what was there gives way.
        """
        zone = self.covering(apex) or Zone(plain(apex))
        fresh = {(plain(one.name), one.kind) for one in records}
        kept = [one for one in zone.records if (plain(one.name), one.kind) not in fresh]
        return self.put(Zone(zone.name, [*kept, *records], zone.fault))

    def remove(self, zone_name: str, name: str, kind: str) -> Zone:
        """Take a name's records of a type out of a zone."""
        zone = self.get(zone_name)
        gone = (plain(name), kind)
        zone.records = [one for one in zone.records if (plain(one.name), one.kind) != gone]
        return zone


def plain(name: str) -> str:
    """Return a name in lower case without its last dot."""
    return name.rstrip(".").lower()
