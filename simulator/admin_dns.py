"""DNS zones by the admin API."""

from collections.abc import Callable

from simulator.admin_call import AdminCall, bad, parsed
from simulator.cloud import Cloud
from simulator.verifying import look, records_of
from simulator.web import Response, json_response
from simulator.zones import Zone


def zones(call: AdminCall) -> Response:
    """Return every zone."""
    return json_response(list(call.cloud.zones))


def put_zone(call: AdminCall) -> Response:
    """Add or replace a zone: {name, records: [{name, kind, value, ttl}], fault}."""
    zone: Zone = parsed(Zone, call.request.json())
    return _changed(call, call.cloud.zones.put(zone))


def patch_zone(call: AdminCall) -> Response:
    """Change the fault of a zone's server."""
    zone = call.cloud.zones.get(call.arguments[0])
    fault = str(call.request.json().get("fault", ""))
    return _changed(call, call.cloud.zones.put(Zone(zone.name, zone.records, fault)))


def delete_zone(call: AdminCall) -> Response:
    """Remove a zone."""
    call.cloud.zones.delete(call.arguments[0])
    return call.changed({})


def remove(call: AdminCall) -> Response:
    """Take the records of a name and type out of a zone: {name, kind}."""
    body = call.request.json()
    name, kind = str(body.get("name", "")), str(body.get("kind", ""))
    return _changed(call, call.cloud.zones.remove(call.arguments[0], name, kind))


def publish(call: AdminCall) -> Response:
    """Put what SES wants of a domain into its zone."""
    identity = call.region.identities.get(call.arguments[2])
    if identity is None or not identity.is_domain:
        raise bad(f"no domain {call.arguments[2]} in this region")
    records = records_of(identity, call.region.name)
    return _changed(call, call.cloud.zones.publish(identity.name, records))


def _changed(call: AdminCall, zone: Zone) -> Response:
    look_everywhere(call.cloud)
    return call.changed(zone)


def look_everywhere(cloud: Cloud) -> None:
    """Have SES look at the zones as they are now."""
    for account in cloud.store.accounts.values():
        look(account, cloud.zones)


OPERATIONS: dict[tuple[str, str], Callable[[AdminCall], Response]] = {
    ("GET", "dns/zones"): zones,
    ("POST", "dns/zones"): put_zone,
    ("PATCH", "dns/zones/*"): patch_zone,
    ("DELETE", "dns/zones/*"): delete_zone,
    ("POST", "dns/zones/*/remove"): remove,
    ("POST", "accounts/*/regions/*/identities/*/publish"): publish,
}
