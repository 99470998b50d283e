"""`evaluate` against a plain model of the gates, written from the contract alone."""

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from tests.client import Partner
from tests.preference.asking import (
    CATALOGUE,
    CONFIRMATION,
    EXTERNAL,
    LOW_BALANCE,
    MEDIA,
    TRIGGERS,
    WITHDRAWAL,
    external_item,
    settings,
    trigger_item,
)

Answer = list[tuple[str, bool, str | None]]


@dataclass
class Model:
    """What is set for one person, and the gates as the contract words them."""

    master: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(MEDIA, True))
    internal: dict[tuple[str, ...], Any] = field(
        default_factory=lambda: settings(CATALOGUE["categories"])
    )
    external: dict[tuple[str, ...], Any] = field(
        default_factory=lambda: settings(CATALOGUE["external"])
    )

    def answer(self, trigger: str, external: str | None, value: float | None) -> Answer:
        """What `evaluate` should say of each channel."""
        carrier = external or TRIGGERS[trigger]["external_notification_preference_id"]
        told = []
        for medium in MEDIA:
            gates = [
                ("MASTER_SWITCH", self.master[medium]),
                ("INTERNAL_TRIGGER", self.internal[trigger, medium, "enabled"]),
                ("INTERNAL_TRIGGER", self.internal[trigger, medium, "opted_in"]),
                ("THRESHOLD", self.threshold_is_met(trigger, value)),
                ("EXTERNAL_CHANNEL", self.external[carrier, medium, "enabled"]),
                ("CATEGORY_OPT_IN", self.external[carrier, medium, "opted_in"]),
            ]
            shut = [name for name, is_open in gates if not is_open]
            told.append((medium, not shut, shut[0] if shut else None))
        return told

    def threshold_is_met(self, trigger: str, value: float | None) -> bool:
        if value is None or (trigger, "threshold") not in self.internal:
            return True
        threshold = self.internal[trigger, "threshold"]
        met: bool = value <= threshold if trigger == LOW_BALANCE else value >= threshold
        return met


async def evaluated(partner: Partner, person: str, trigger: str, **fields: object) -> Answer:
    """What `evaluate` says of each channel."""
    sent = {name: value for name, value in fields.items() if value is not None}
    body = {"person_id": person, "notification_preference_type": trigger} | sent
    reply = (await partner.ask("preference.evaluate", body)).done
    channels = [
        (each["communication_delivery_type"], each["deliver"], each["blocked_by"])
        for each in reply["channels"]
    ]
    assert reply["deliver"] == any(deliver for _, deliver, _ in channels)
    return channels


ASKED = (CONFIRMATION, LOW_BALANCE, WITHDRAWAL)
VALUES = (0.0, 99.99, 100.0, 100.01, 500.0)

triggers, media, carriers = map(st.sampled_from, (ASKED, MEDIA, tuple(EXTERNAL)[:2]))
either = st.booleans()
switching = st.sampled_from(("enabled", "opted_in"))
changes = st.one_of(
    st.tuples(st.just("master"), media, either),
    st.tuples(st.just("internal"), triggers, media, switching, either),
    st.tuples(
        st.just("threshold"), st.sampled_from((LOW_BALANCE, WITHDRAWAL)), st.sampled_from(VALUES)
    ),
    st.tuples(st.just("external"), carriers, media, switching, either),
)
questions = st.tuples(
    triggers, st.one_of(st.none(), carriers), st.one_of(st.none(), st.sampled_from(VALUES))
)


async def change(partner: Partner, person: str, model: Model, what: tuple[Any, ...]) -> None:
    """Make the same change in the service and in the model."""
    match what:
        case "master", medium, on:
            await partner.ask("preference.put_master", {"switches": {medium: on}})
            model.master[medium] = on
        case "internal", trigger, medium, name, value:
            items = [trigger_item(trigger, medium, **{name: value})]
            await partner.ask("preference.put", {"person_id": person, "items": items})
            model.internal[trigger, medium, name] = value
        case "threshold", trigger, value:
            items = [trigger_item(trigger, threshold={"value": value})]
            await partner.ask("preference.put", {"person_id": person, "items": items})
            model.internal[trigger, "threshold"] = value
        case "external", id, medium, name, value:
            items = [external_item(id, medium, **{name: value})]
            await partner.ask("preference.put_external", {"person_id": person, "items": items})
            model.external[id, medium, name] = value


async def stand(
    partner: Partner,
    person: str,
    model: Model,
    trigger: str,
    carrier: str,
    stands: dict[str, tuple[bool, ...]],
) -> None:
    """Set all five switches of each channel, in the service and in the model."""
    internal, external = [], []
    for medium, (master, enabled, opted_in, carried, let_out) in stands.items():
        model.master[medium] = master
        internal.append(trigger_item(trigger, medium, enabled=enabled, opted_in=opted_in))
        external.append(external_item(carrier, medium, enabled=carried, opted_in=let_out))
        model.internal[trigger, medium, "enabled"] = enabled
        model.internal[trigger, medium, "opted_in"] = opted_in
        model.external[carrier, medium, "enabled"] = carried
        model.external[carrier, medium, "opted_in"] = let_out
    await partner.ask("preference.put_master", {"switches": model.master})
    await partner.ask("preference.put", {"person_id": person, "items": internal})
    await partner.ask("preference.put_external", {"person_id": person, "items": external})


@runs(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(changes, max_size=10), asked=st.lists(questions, min_size=1, max_size=5))
async def test_any_changes(
    partner: Partner, steps: list[tuple[Any, ...]], asked: list[tuple[Any, ...]]
) -> None:
    """After any changes, the answer to any question is the model's, to the gate."""
    there = Partner(partner.deployment)  # master switches are a partner's: each run has its own
    person, model = await there.user(), Model()
    for step in steps:
        await change(there, person, model, step)
    for trigger, external, value in asked:
        answer = await evaluated(
            there,
            person,
            trigger,
            external_notification_preference_id=external,
            value=value,
        )
        assert answer == model.answer(trigger, external, value)


standing = st.fixed_dictionaries(dict.fromkeys(MEDIA, st.tuples(*[st.booleans()] * 5)))


@runs(
    max_examples=75,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    asked=questions,
    stands=standing,
    thresholds=st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)),
)
async def test_any_standing(
    partner: Partner,
    asked: tuple[Any, ...],
    stands: dict[str, tuple[bool, ...]],
    thresholds: tuple[float, float],
) -> None:
    """However the gates stand, the answer is the model's, to the gate."""
    trigger, external, value = asked
    person, model = await partner.user(), Model()
    for of, threshold in zip((LOW_BALANCE, WITHDRAWAL), thresholds, strict=True):
        await change(partner, person, model, ("threshold", of, threshold))
    carrier = external or TRIGGERS[trigger]["external_notification_preference_id"]
    await stand(partner, person, model, trigger, carrier, stands)
    answer = await evaluated(
        partner, person, trigger, external_notification_preference_id=external, value=value
    )
    assert answer == model.answer(trigger, external, value)


@pytest.mark.parametrize("trigger", ASKED)
async def test_every_combination(partner: Partner, trigger: str) -> None:
    """Every combination of switch, trigger, threshold, channel and opt-in, each on a channel."""
    carrier = TRIGGERS[trigger]["external_notification_preference_id"]
    combinations = list(itertools.product((True, False), repeat=5))
    seen: set[tuple[object, ...]] = set()
    person, model = await partner.user(), Model()
    # Each group of four on four channels, and each combination on another channel each time.
    for turn, group in itertools.product(range(4), range(0, len(combinations), 4)):
        together = combinations[group : group + 4]
        placed = dict(zip(MEDIA[turn:] + MEDIA[:turn], together, strict=True))
        await stand(partner, person, model, trigger, carrier, placed)
        for value in (None, *VALUES):
            answer = await evaluated(partner, person, trigger, value=value)
            assert answer == model.answer(trigger, None, value)
            met = model.threshold_is_met(trigger, value)
            seen |= {(placed[medium], met, medium, shut) for medium, _, shut in answer}
    thresholds = 1 if trigger == CONFIRMATION else 2
    assert len(seen) == len(combinations) * len(MEDIA) * thresholds


async def test_contact(partner: Partner) -> None:
    """A user is written to at its contact e-mail, and before it has one at its own."""
    email = f"{uuid4().hex}@example.com"
    person = await partner.user(email=email)
    body = {"person_id": person, "notification_preference_type": CONFIRMATION}
    reply = await partner.ask("preference.evaluate", body)
    assert reply.done["contact"] == {"EMAIL": email}
    contact = {"user_id": person, "email": "reads.this@example.com"}
    await partner.ask("user.set_contact_email", contact)
    reply = await partner.ask("preference.evaluate", body)
    assert reply.done["contact"] == {"EMAIL": "reads.this@example.com"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"notification_preference_type": "NONE"}, "notification_preference_type"),
        (
            {
                "notification_preference_type": CONFIRMATION,
                "external_notification_preference_id": str(uuid4()),
            },
            "external_notification_preference_id",
        ),
    ],
)
async def test_unknown_message(partner: Partner, fields: dict[str, str], path: str) -> None:
    """A trigger or an external preference that is not in the catalogue is a 400 on its path."""
    person = await partner.user()
    reply = await partner.ask("preference.evaluate", {"person_id": person} | fields)
    assert reply.refusal == (400, "NOT_ALLOWED_VALUE", path)


async def test_reading_writes_nothing(partner: Partner) -> None:
    """Asking leaves nothing behind."""
    person = await partner.user()
    await evaluated(partner, person, CONFIRMATION, value=1)
    database = partner.deployment.database
    assert await database["preferences"].find_one({"_id": person}) is None
    assert await database["partners"].find_one({"_id": partner.name}) is None
