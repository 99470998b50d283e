"""The catalogue: which triggers there are, and what holds for who has set nothing.

All of it is one JSON file, `catalogue.json` beside this module; a deployment may have its own in
its place. It is read and checked once, at the start.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.base import Line, Uuid
from schemas.preference import Amount, DeliveryType, Direction
from service.preference.positions import Place, SameKeyTwice, line_of_each

Code = Annotated[str, StringConstraints(pattern="^[A-Z][A-Z0-9_]{0,127}$")]
"""What a category or a trigger is called."""

BUILT_IN = Path(__file__).with_name("catalogue.json")

_MOST_TOLD = 10
_LINE = re.compile(r" at line (\d+)")


class WrongCatalogue(Exception):
    """The file cannot be used; the text names it, the line, and what is wrong there."""


class Choice(NamedTuple):
    """A channel: whether the platform offers it, and whether the person wants it."""

    enabled: bool
    opted_in: bool


Choices = Mapping[DeliveryType, Choice]
"""The channels that there are for a trigger or an external preference."""


class _Part(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )


class DefaultChoice(_Part):
    """A channel, and what holds for who has set nothing."""

    communication_delivery_type: DeliveryType
    enabled: bool
    opted_in: bool


class DefaultThreshold(_Part):
    """A trigger's threshold for who has set none, and the side of it on which it is met."""

    value: Amount
    direction: Direction

    def is_met(self, threshold: float, value: float) -> bool:
        """Whether a value is on the side of a person's threshold that it should be on."""
        return value >= threshold if self.direction == "AT_LEAST" else value <= threshold


class External(_Part):
    """An external preference: lets messages out to a person."""

    external_notification_preference_id: Uuid
    name: Line
    configurations: tuple[DefaultChoice, ...] = Field(min_length=1)

    @cached_property
    def defaults(self) -> Choices:
        """Its channels."""
        return _by_channel(self.configurations)


class Trigger(_Part):
    """A trigger: makes messages for a person."""

    notification_preference_type: Code
    name: Line
    external_notification_preference_id: Uuid
    configurations: tuple[DefaultChoice, ...] = Field(min_length=1)
    threshold: DefaultThreshold | None = None

    @cached_property
    def defaults(self) -> Choices:
        """Its channels."""
        return _by_channel(self.configurations)


class Category(_Part):
    """A category: triggers that are shown together."""

    category: Code
    category_description: Line
    preferences: tuple[Trigger, ...]

    @cached_property
    def triggers(self) -> Mapping[str, Trigger]:
        """Its triggers by type."""
        return {each.notification_preference_type: each for each in self.preferences}


class Catalogue(_Part):
    """All there is."""

    external: tuple[External, ...]
    categories: tuple[Category, ...]

    @cached_property
    def externals(self) -> Mapping[str, External]:
        """The external preferences by id."""
        return {each.external_notification_preference_id: each for each in self.external}

    @cached_property
    def triggers(self) -> Mapping[str, Trigger]:
        """The triggers by type."""
        return {
            type: trigger
            for category in self.categories
            for type, trigger in category.triggers.items()
        }

    @cached_property
    def by_category(self) -> Mapping[str, Category]:
        """The categories by name."""
        return {each.category: each for each in self.categories}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = [*_twice(_names(self)), *_dangling(self)]
        if problems:
            raise ValidationError.from_exception_data("catalogue", problems)
        return self


def read_catalogue(path: Path = BUILT_IN) -> Catalogue:
    """The catalogue in a file.

    Raises: WrongCatalogue.
    """
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text, parse_int=str)  # only to see whether it is JSON: a number may be any
        lines = line_of_each(text)
        return Catalogue.model_validate_json(text)
    except OSError as error:
        raise WrongCatalogue(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise WrongCatalogue(f"{path}, line {line}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise WrongCatalogue(f"{path}, line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise WrongCatalogue(f"{path}, line 1: nested too deep") from None
    except SameKeyTwice as error:
        raise WrongCatalogue(f"{path}, line {error.line}: {error}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:_MOST_TOLD]
        raise WrongCatalogue("; ".join(_sentence(path, lines, each) for each in found)) from None


def _by_channel(configurations: Iterable[DefaultChoice]) -> Choices:
    return {
        each.communication_delivery_type: Choice(each.enabled, each.opted_in)
        for each in configurations
    }


def _names(catalogue: Catalogue) -> Iterator[tuple[Place, str]]:
    """Where each thing gets its name, and a name that only it may have."""
    for at, external in enumerate(catalogue.external):
        here: Place = ("external", at)
        id = external.external_notification_preference_id
        yield (*here, "external_notification_preference_id"), id
        yield from _channel_names(here, external.configurations)
    for at, category in enumerate(catalogue.categories):
        yield ("categories", at, "category"), f"category {category.category}"
    for here, trigger in _places(catalogue):
        type = trigger.notification_preference_type
        yield (*here, "notification_preference_type"), type
        yield from _channel_names(here, trigger.configurations)


def _channel_names(
    here: Place, configurations: Iterable[DefaultChoice]
) -> Iterator[tuple[Place, str]]:
    for at, each in enumerate(configurations):
        place = (*here, "configurations", at, "communication_delivery_type")
        yield place, f"{here} {each.communication_delivery_type}"


def _places(catalogue: Catalogue) -> Iterator[tuple[Place, Trigger]]:
    """Each trigger, and where it stands."""
    for at, category in enumerate(catalogue.categories):
        for place, trigger in enumerate(category.preferences):
            yield ("categories", at, "preferences", place), trigger


def _twice(names: Iterable[tuple[Place, str]]) -> Iterator[InitErrorDetails]:
    known: set[str] = set()
    for path, name in names:
        if name in known:
            yield _wrong(path, "this is in the catalogue twice")
        known.add(name)


def _dangling(catalogue: Catalogue) -> Iterator[InitErrorDetails]:
    for here, trigger in _places(catalogue):
        if trigger.external_notification_preference_id not in catalogue.externals:
            path = (*here, "external_notification_preference_id")
            yield _wrong(path, "there is no such external preference in the catalogue")


def _wrong(path: Place, message: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("catalogue", message), loc=path, input=None)


def _sentence(path: Path, lines: Mapping[Place, int], found: Any) -> str:
    """What is wrong, and on which line: that of the object, where something is missing in it."""
    place = found["loc"]
    where = ".".join(str(part) for part in place) or "the whole"
    while place not in lines:
        place = place[:-1]
    at_line = _LINE.search(found["msg"])  # said by the parser itself, of what `json` lets pass
    line = at_line[1] if at_line else lines[place]
    return f"{path}, line {line}: {where}: {found['msg']}"
