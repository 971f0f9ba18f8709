"""What lookups bring from real servers: right, broken, slow, split, hostile."""

import dns.name
import pytest

from sending.dns.answers import Status, View
from sending.dns.exchange import Exchange, Server
from sending.dns.lookups import Lookups
from sending.dns.servers import SERVERS_ASKED, Authority, public_only
from simulator.zones import Zone
from tests.sending.dns.conftest import Ask, nameserver, zone

ACME = "acme.example"


def one(lookups: Lookups, name: str, kind: str = "TXT") -> View:
    (view,) = lookups.find(name, kind).views
    return view


def test_answers_are_told_apart(ask: Ask) -> None:
    lookups = ask(
        [
            zone(ACME, ['@ TXT "Hello" " world"', "www A 192.0.2.1", "deep.down A 192.0.2.1"]),
            zone("broken.example", [], "servfail"),
            zone("silent.example", [], "drop"),
            zone("elsewhere.example", [], "refuse"),
        ]
    )
    assert one(lookups, ACME) == View(Status.FOUND, ("Hello world",))
    assert one(lookups, f"www.{ACME}").status == Status.NO_TYPE
    assert one(lookups, f"down.{ACME}").status == Status.NO_TYPE  # names stand below it
    assert one(lookups, f"nothing.{ACME}").status == Status.NO_NAME
    assert "SERVFAIL" in one(lookups, "broken.example").why
    assert "REFUSED" in one(lookups, "elsewhere.example").why
    assert one(lookups, "silent.example").status == Status.TIMEOUT
    assert not one(lookups, "broken.example").status.is_known


def test_names_are_lower_case_without_a_dot_and_bytes_are_escaped(ask: Ask) -> None:
    lookups = ask(
        [zone(ACME, ["a CNAME Some.Where.EXAMPLE.", "m MX 10 Mail.ACME.example.",
                     r'b TXT "nul \000 and \228 and tab \009"'])]
    )  # fmt: skip
    assert one(lookups, f"a.{ACME}", "CNAME").values == ("some.where.example",)
    assert one(lookups, f"m.{ACME}", "MX").values == ("10 mail.acme.example",)
    assert one(lookups, f"b.{ACME}").values == (r"nul \000 and \228 and tab \009",)


def test_aliases_are_followed_into_other_zones_but_not_in_circles(ask: Ask) -> None:
    chain = [f"c{number} CNAME c{number + 1}.{ACME}." for number in range(12)]
    lookups = ask(
        [
            zone(ACME, ["_dmarc CNAME acme.vendor.example.", "a CNAME b.acme.example.",
                        "b CNAME a.acme.example.", *chain]),
            zone("vendor.example", ['acme TXT "v=DMARC1"']),
        ]
    )  # fmt: skip
    assert one(lookups, f"_dmarc.{ACME}").values == ("v=DMARC1",)
    assert one(lookups, f"a.{ACME}").status == Status.LOOP
    assert one(lookups, f"c0.{ACME}").status == Status.LOOP


def test_sixty_kilobytes_come_by_tcp(ask: Ask) -> None:
    long = " ".join(f'"{"x" * 250}"' for _ in range(240))
    lookups = ask([zone(ACME, [f"_dmarc TXT {long}"])])
    (value,) = one(lookups, f"_dmarc.{ACME}").values
    assert len(value) == 60_000


def test_servers_that_disagree_give_two_views_and_one_that_knows_is_enough(ask: Ask) -> None:
    split = ask([zone(ACME, ['@ TXT "old"'])], [zone(ACME, ['@ TXT "new"'])])
    assert {view.values for view in split.find(ACME, "TXT").views} == {("old",), ("new",)}
    half = ask([zone(ACME, ['@ TXT "new"'])], [zone(ACME, [], "servfail")])
    assert one(half, ACME).values == ("new",)


def test_a_silent_server_is_given_up_on_once(ask: Ask) -> None:
    lookups = ask([zone(ACME, [], "drop")])
    exchange = lookups._exchange
    before = exchange._left
    for label in "abcdef":
        assert one(lookups, f"{label}.{ACME}").status == Status.TIMEOUT
    assert before - exchange._left == 2


def test_a_check_costs_a_bounded_number_of_questions() -> None:
    with nameserver(zone(ACME, [])) as server:
        exchange = Exchange(queries=3)
        lookups = Lookups(exchange, _Fixed(server))
        states = [one(lookups, f"{label}.{ACME}").status for label in "abcde"]
    assert states == [Status.NO_NAME] * 3 + [Status.TIMEOUT] * 2


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".".join(["abcdefgh"] * 40)])
def test_what_is_no_name_is_said_so(ask: Ask, name: str) -> None:
    assert "no name of the DNS" in one(ask([]), name).why


class _Fixed:
    recurse = True

    def __init__(self, server: Server) -> None:
        self._server = server

    def of(self, name: dns.name.Name) -> list[Server]:
        return [self._server]


# --- the authoritative servers of a zone ----------------------------------------------------------

ADDRESSES = [f"198.51.100.{number}" for number in range(1, 21)]


def delegation(name: str, servers: int) -> Zone:
    """What a resolver says of a zone that has this many name servers."""
    lines = [f"@ NS ns{number}.{name}." for number in range(servers)]
    lines += [f"ns{number} A {ADDRESSES[number]}" for number in range(servers)]
    return zone(name, lines)


class World:
    """Where the addresses of name servers lead in a test; what was asked for is kept."""

    def __init__(self, places: dict[str, Server]) -> None:
        self._places = places
        self.reached: list[str] = []

    def reach(self, address: str) -> Server | None:
        self.reached.append(address)
        return self._places.get(address)


def test_the_servers_of_the_zone_are_asked_and_not_the_resolver() -> None:
    stale = zone(ACME, [*_lines(delegation(ACME, 2)), '@ TXT "stale"'])
    with (
        nameserver(stale) as resolver,
        nameserver(zone(ACME, ['@ TXT "old"'])) as first,
        nameserver(zone(ACME, ['@ TXT "new"'])) as second,
    ):
        world = World({ADDRESSES[0]: first, ADDRESSES[1]: second})
        exchange = Exchange(patience=0.2)
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        views = lookups.find(ACME, "TXT").views
    assert [view.values for view in views] == [("old",), ("new",)]


def _lines(of: Zone) -> list[str]:
    return [
        f"{record.name.removesuffix(of.name).rstrip('.') or '@'} {record.kind} {record.value}"
        for record in of.records
    ]


def test_a_delegated_name_is_asked_in_its_own_zone() -> None:
    keys = f"_domainkey.{ACME}"
    with (
        nameserver(delegation(ACME, 1), zone(keys, [f"@ NS ns0.{ACME}."])) as resolver,
        nameserver(zone(keys, ["t CNAME here.example."])) as authority,
    ):
        exchange = Exchange(patience=0.2)
        world = World({ADDRESSES[0]: authority})
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        assert one(lookups, f"t.{keys}", "CNAME").values == ("here.example",)


def test_a_server_that_is_not_responsible_is_not_believed() -> None:
    with nameserver(delegation(ACME, 1)) as resolver, nameserver(zone("b.example", [])) as lame:
        exchange = Exchange(patience=0.2)
        world = World({ADDRESSES[0]: lame})
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        assert not one(lookups, ACME).status.is_known


def test_an_alias_is_asked_for_in_the_zone_of_its_target() -> None:
    alias = f"_dmarc.{ACME}"
    resolved = zone(ACME, [*_lines(delegation(ACME, 1)), "_dmarc CNAME acme.vendor.example."])
    vendor = zone("vendor.example", [f"@ NS ns0.{ACME}."])
    with (
        nameserver(resolved, vendor) as resolver,
        nameserver(
            zone(ACME, ["_dmarc CNAME acme.vendor.example."]),
            zone("vendor.example", ["acme TXT v=DMARC1"]),
        ) as authority,
    ):
        exchange = Exchange(patience=0.2)
        world = World({ADDRESSES[0]: authority})
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        assert one(lookups, alias).values == ("v=DMARC1",)


def test_a_zone_that_the_resolver_cannot_find_is_unknown() -> None:
    with nameserver(zone(ACME, [], "servfail")) as first, nameserver(delegation(ACME, 1)) as second:
        exchange = Exchange(patience=0.2)
        world = World({})
        view = one(Lookups(exchange, Authority(exchange, [first], world.reach)), ACME)
        assert (view.status, "SERVFAIL" in view.why) == (Status.FAILED, True)
        # The next resolver is asked where the first one fails.
        one(Lookups(exchange, Authority(exchange, [first, second], world.reach)), ACME)
        assert world.reached == ADDRESSES[:1]


def test_of_twenty_servers_four_are_asked() -> None:
    with nameserver(delegation(ACME, 20)) as resolver, nameserver(zone(ACME, [])) as authority:
        exchange = Exchange(patience=0.2)
        world = World(dict.fromkeys(ADDRESSES, authority))
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        assert one(lookups, f"a.{ACME}").status == Status.NO_NAME
    assert len(world.reached) == SERVERS_ASKED


def test_a_zone_whose_servers_are_inside_our_network_is_unknown() -> None:
    lines = ["@ NS ns.inside.example.", "@ NS here.inside.example.",
             "ns A 127.0.0.1", "here A 169.254.169.254"]  # fmt: skip
    with nameserver(zone("inside.example", lines)) as resolver:
        exchange = Exchange(patience=0.2)
        lookups = Lookups(exchange, Authority(exchange, [resolver]))
        view = one(lookups, "inside.example")
    assert (view.status, "public address" in view.why) == (Status.FAILED, True)


def test_without_a_resolver_nothing_is_known() -> None:
    exchange = Exchange()
    assert "no resolver" in one(Lookups(exchange, Authority(exchange, [])), ACME).why


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.251
    255.255.255.255 240.0.0.1 198.18.0.1 192.0.2.1 ::1 :: fe80::1 fc00::1 ff02::fb
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1::
    2002:a00:1::1""".split(),
)
def test_addresses_inside_a_network_are_never_asked(address: str) -> None:
    assert public_only(address) is None


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_public_addresses_are(address: str) -> None:
    assert public_only(address) == Server(address, 53)


def test_a_name_server_that_has_only_an_ipv6_address_is_found() -> None:
    lines = ["@ NS ns.acme.example.", "ns AAAA 2001:db8::53"]
    with (
        nameserver(zone(ACME, lines)) as resolver,
        nameserver(zone(ACME, ['@ TXT "six"'])) as authority,
    ):
        exchange = Exchange(patience=0.2)
        world = World({"2001:db8::53": authority})
        lookups = Lookups(exchange, Authority(exchange, [resolver], world.reach))
        assert one(lookups, ACME).values == ("six",)
