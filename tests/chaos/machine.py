"""On one machine: workers are killed, Valkey is emptied, PostgreSQL restarted, SES refuses."""

import random
from collections.abc import Callable
from typing import IO

from embedded.stack import stack
from embedded.system import ServiceError
from tests.chaos.count import Campaign, Status
from tests.chaos.havoc import Havoc, end_in_order
from tests.chaos.plan import LONG, SHORT, Act, plan
from tests.chaos.world import Asked, Order, World

NODES = ["send", "send2", "send3"]
UNLIMITED = 1_000_000.0
# The second campaign has quotas to keep: it is a twentieth of the first, at 50 a second, and the
# day's quota ends before it does.
SMALL_SHARE, SMALL_RATE, DAY_SHARE = 20, 50.0, 0.8


def run(asked: Asked, output: IO[str]) -> list[Campaign]:
    """Both campaigns from both sides, when all is over."""
    small = asked.recipients // SMALL_SHARE
    orders = [
        Order("chaos", asked.recipients, UNLIMITED, storms=True),
        Order("quota", small, SMALL_RATE, int(small * DAY_SHARE)),
    ]
    simulator = (f"--seed={asked.seed}", "--keep=100")
    with stack(asked.data, nodes=NODES, simulator=simulator, output=output) as running:
        world = World(running, orders, asked.seed, asked.events)
        barred = wreck(world, asked)
        calm = (lambda: end_in_order(NODES, running.start)) if asked.short else None
        settle(world, calm=calm, hurry=asked.short)
        return world.campaigns(barred)


def wreck(world: World, asked: Asked) -> dict[str, float]:
    """Starts, and does what the plan says; who was suppressed or unsubscribed, and when."""
    scale = SHORT if asked.short else LONG
    acts = plan(asked.seed, scale)
    world.start()
    world.fault("hang_after_accept", share=0.001)
    world.fault("reset_after_accept", share=0.001)
    havoc = Havoc(
        running=world.running,
        data=asked.data,
        simulator=world.simulator,
        aws_account=world.accounts[0],
        batch=world.batches[0],
        storm=scale.storm,
        nodes=[*NODES, "default", "long"],
        chance=random.Random(asked.seed),
    )
    with havoc:
        for share, act in acts:
            _wait_for(world, share * asked.recipients)
            world.say(f"{share:4.0%} {act.value}")
            havoc.do(act)
        if not world.standing(world.batches[0])[Status.QUEUED]:
            raise ServiceError("The campaign was over before all of this had happened.")
        havoc.wait()
    words = " ".join(f"{act.name.lower()}={havoc.done[act]}" for act in Act)
    world.say(f"{words} barred={len(havoc.barred)}")
    return havoc.barred


def _wait_for(world: World, accepted: float) -> None:
    def enough() -> bool:
        return world.accepted() >= accepted or not world.standing(world.batches[0])[Status.QUEUED]

    world.until("mails to leave", enough)


def settle(world: World, *, calm: Callable[[], None] | None, hurry: bool) -> None:
    """Waits until everything is told; what stays unknown then is sent again, if events flow.

    `calm` ends every worker in order, after which the claims that are left are those of dead ones,
    and starts new ones. `hurry` makes these claims two minutes older; else two minutes pass.
    """
    world.until_all_left()
    world.say("everybody has left; waiting for claims and events")
    for account in world.accounts:
        world.simulator.clear_faults(account)
    if calm is not None:
        calm()
    if hurry:
        world.age_claims()
    world.until_claims_ended()
    if not world.events:
        return
    world.until_events_came()
    unknown = sum(world.standing(batch)[Status.UNKNOWN] for batch in world.batches)
    world.say(f"unknown={unknown} of which no event came; somebody presses the button for them")
    world.product("resend", batches=world.batches)
    for wait in (world.until_all_left, world.until_claims_ended, world.until_events_came):
        wait()
