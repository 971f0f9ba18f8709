"""The page of the simulated DNS: what SES wants published, what the zones hold, and buttons."""

from html import escape
from urllib.parse import parse_qsl

from simulator.accounts import Identity
from simulator.admin_dns import look_everywhere
from simulator.cloud import Cloud
from simulator.pages import page_of
from simulator.verifying import records_of
from simulator.web import ApiError, Request, Response
from simulator.zones import FAULTS, Zone, plain

PATH = "/dns"


def handle(request: Request, cloud: Cloud) -> Response:
    """Return the page; a POST first does what its button says."""
    if request.method != "POST":
        return page_of("DNS", _content(cloud))
    given = dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
    try:
        _act(given, cloud)
    except (ApiError, KeyError) as error:
        return page_of("DNS", f"<p class='empty'>{escape(str(error))}</p>", status=400)
    look_everywhere(cloud)
    cloud.store.touch()
    return Response(status=303, headers={"Location": PATH})


def _act(given: dict[str, str], cloud: Cloud) -> None:
    act = given["act"]
    if act == "publish":
        region = cloud.store.accounts[given["account"]].regions[given["region"]]
        identity = region.identities[given["identity"]]
        cloud.zones.publish(identity.name, records_of(identity, region.name))
    elif act == "remove":
        cloud.zones.remove(given["zone"], given["name"], given["kind"])
    elif act == "fault":
        zone = cloud.zones.get(given["zone"])
        cloud.zones.put(Zone(zone.name, zone.records, given["fault"]))


def _content(cloud: Cloud) -> str:
    domains = "".join(
        _domain(account.id, region.name, identity, cloud)
        for account in cloud.store.accounts.values()
        for region in account.regions.values()
        for identity in region.identities.values()
        if identity.is_domain
    )
    zones = "".join(_zone(zone) for zone in cloud.zones)
    return (
        "<section class='names'><h2>Domains of the simulated SES</h2>"
        f"{domains or '<p class=empty>None yet: add one in the product.</p>'}</section>"
        "<section class='names'><h2>Zones of the simulated DNS</h2>"
        f"{zones or '<p class=empty>Nothing is published.</p>'}</section>"
    )


def _domain(account: str, region: str, identity: Identity, cloud: Cloud) -> str:
    wanted = records_of(identity, region)
    there = sum(_is_there(one.name, one.kind, one.value, cloud) for one in wanted)
    button = _button(
        "Publish these records",
        act="publish", account=account, region=region, identity=identity.name,
    )  # fmt: skip
    lines = "".join(
        f"<li><code>{escape(f'{one.kind} {one.name} {one.value}')}</code></li>" for one in wanted
    )
    return (
        f"<h3>{escape(identity.name)}</h3><p>{escape(identity.status)}, {there} of {len(wanted)} "
        f"records published</p><ul>{lines}</ul>{button}"
    )


def _is_there(name: str, kind: str, value: str, cloud: Cloud) -> bool:
    return plain(value) in [plain(found) for found in cloud.zones.values(name, kind)]


def _zone(zone: Zone) -> str:
    lines = "".join(
        f"<li><code>{escape(f'{one.kind} {one.name} {one.value}')}</code>"
        f"{_button('Remove', act='remove', zone=zone.name, name=one.name, kind=one.kind)}</li>"
        for one in zone.records
    )
    faults = "".join(
        _button(fault or "answers", act="fault", zone=zone.name, fault=fault)
        for fault in FAULTS
        if fault != zone.fault
    )
    state = f"Its server: {zone.fault}." if zone.fault else "Its server answers."
    return f"<h3>{escape(zone.name)}</h3><div>{state} Change to: {faults}</div><ul>{lines}</ul>"


def _button(label: str, **fields: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return f'<form method="post" action="{PATH}">{hidden}<button>{escape(label)}</button></form>'
