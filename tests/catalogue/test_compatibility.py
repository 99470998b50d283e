"""What breaks callers and what does not, told apart case by case."""

from copy import deepcopy
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema

from service.catalogue.compatibility import answer_changes, changes, request_changes
from service.catalogue.files import catalogue

Json = dict[str, Any]

TEXT = {"type": "string"}
SHORT = {"type": "string", "maxLength": 5}
RED = {"type": "string", "const": "red"}
COLOURS = {"type": "string", "enum": ["red", "green"]}
MORE_COLOURS = {"type": "string", "enum": ["red", "green", "blue"]}
OPTIONAL = {"anyOf": [TEXT, {"type": "null"}]}


Text1 = Annotated[str, Field(max_length=1)]
Capital = Annotated[str, Field(pattern="^[A-Z]$")]
UpTo10 = Annotated[int, Field(le=10)]
InFives = Annotated[int, Field(multiple_of=5)]
OneOf = Annotated[dict[str, str], Field(min_length=1, max_length=1)]
Odd = Annotated[str, WithJsonSchema({"type": "string", "not": {"const": "a"}})]


class Numbered(BaseModel):
    """Has a field that a map may have too."""

    model_config = ConfigDict(extra="allow")
    number: int | None = None


def holds(fields: Json, *required: str, closed: bool = True, **rest: Any) -> Json:
    """The schema of an object, as pydantic writes one."""
    schema = {"type": "object", "properties": fields, "required": list(required), **rest}
    return schema | ({"additionalProperties": False} if closed else {})


def of(field: Json) -> Json:
    """An object whose one field `f` is this, and always there."""
    return holds({"f": field}, "f")


REQUESTS = [
    ("a required field is added", holds({}), holds({"f": TEXT}, "f"), "f is required"),
    ("a field becomes required", holds({"f": TEXT}), holds({"f": TEXT}, "f"), "f is required"),
    ("a field goes", holds({"f": TEXT}), holds({}), "f is gone"),
    ("the type is another", of(TEXT), of({"type": "integer"}), "f can no longer be string"),
    ("the type is narrower", of({"type": "number"}), of({"type": "integer"}), "f can no longer be"),
    ("null is refused", of(OPTIONAL), of(TEXT), "f can no longer be null"),
    ("a value goes", of(MORE_COLOURS), of(COLOURS), "f can no longer be blue"),
    ("free text becomes a list", of(TEXT), of(COLOURS), "f can no longer be string"),
    ("one value of two", of(COLOURS), of(RED), "f can no longer be green"),
    ("a length is bounded", of(TEXT), of(SHORT), "f is narrower: maxLength none or 5"),
    ("a bound is lowered", of(SHORT), of(SHORT | {"maxLength": 4}), "f is narrower: maxLength 5"),
    (
        "a bound is raised",
        of({"type": "integer", "minimum": 1}),
        of({"type": "integer", "minimum": 2}),
        "f is narrower: minimum 1 or 2",
    ),
    ("a pattern is added", of(TEXT), of(TEXT | {"pattern": "^a"}), "f is narrower: pattern"),
    (
        "a pattern is another",
        of(TEXT | {"pattern": "^b"}),
        of(TEXT | {"pattern": "^a"}),
        "narrower",
    ),
    ("a format is added", of(TEXT), of(TEXT | {"format": "uuid"}), "f is narrower: format"),
    (
        "items are narrower",
        of({"type": "array", "items": TEXT}),
        of({"type": "array", "items": SHORT}),
        "f[] is narrower",
    ),
    (
        "a list is shorter",
        of({"type": "array", "items": TEXT, "maxItems": 9}),
        of({"type": "array", "items": TEXT, "maxItems": 8}),
        "f is narrower: maxItems 9 or 8",
    ),
    ("deep within", of(of(TEXT)), of(of(SHORT)), "f.f is narrower"),
    (
        "within one of two",
        of({"anyOf": [of(TEXT), {"type": "null"}]}),
        of({"anyOf": [of(SHORT), {"type": "null"}]}),
        "f.f is narrower",
    ),
    ("a form goes", {"oneOf": [of(RED), of(COLOURS)]}, of(RED), "f can no longer be"),
    ("unknown fields are refused", holds({}, closed=False), holds({}), "it has no further fields"),
    (
        "a default changes",
        holds({"f": {**TEXT, "default": "a"}}),
        holds({"f": {**TEXT, "default": "b"}}),
        "f means another value when it is left out",
    ),
]
"""What was, what is, and what of it breaks those who ask; the other way round most do not."""

BREAKS_BOTH_WAYS = {
    "a required field is added",
    "the type is another",
    "a pattern is another",
    "a default changes",
}

ANSWERS = [
    ("a key goes", of(TEXT), holds({}), "f is gone"),
    (
        "a key that was sometimes there goes",
        holds({"f": TEXT}, closed=False),
        holds({}, closed=False),
        "f is gone",
    ),
    ("a key may be missing", of(TEXT), holds({"f": TEXT}), "f may be missing"),
    ("null may come", of(TEXT), of(OPTIONAL), "f can be null"),
    ("the type is wider", of({"type": "integer"}), of({"type": "number"}), "f can be number"),
    ("the type is another", of(TEXT), of({"type": "integer"}), "f can be integer"),
    ("a value is added", of(COLOURS), of(MORE_COLOURS), "f can be blue"),
    ("a list becomes free text", of(COLOURS), of(TEXT), "f can be string"),
    ("a constant becomes a list", of(RED), of(COLOURS), "f can be green"),
    ("a bound goes", of(SHORT), of(TEXT), "f is wider: maxLength"),
    ("a format goes", of(TEXT | {"format": "date-time"}), of(TEXT), "f is wider: format"),
    (
        "items are wider",
        of({"type": "array", "items": COLOURS}),
        of({"type": "array", "items": TEXT}),
        "f[] can be string",
    ),
    (
        "values of a map are wider",
        holds({}, additionalProperties=COLOURS, closed=False),
        holds({}, additionalProperties=TEXT, closed=False),
        "* can be string",
    ),
]
"""The same of those who are answered, or hear an event."""

TYPES = [
    ("a value is too long", Literal["x", "yy"], Text1, "f can no longer be yy"),
    ("a value has not the pattern", Literal["A", "b"], Capital, "f can no longer be b"),
    ("a value is too great", Literal[1, 20], UpTo10, "f can no longer be 20"),
    ("a value of another type", Literal[True], UpTo10, "f can no longer be True"),
    ("steps", int, InFives, "f is narrower: multipleOf none or 5"),
    ("few fields", dict[str, str], OneOf, "f is narrower: maxProperties none or 1"),
    ("some fields", dict[str, str], OneOf, "f is narrower: minProperties none or 1"),
    ("names", dict[str, str], dict[Literal["a"], str], "f.(name) can no longer be string"),
    ("places", tuple[str, str], tuple[int, int], "f[1] can no longer be string"),
    ("a place of many", list[str], tuple[str, int], "f[1] can no longer be string"),
    ("the rest", tuple[str, ...], tuple[int, ...], "f[] can no longer be string"),
    ("a named field of a map", dict[str, str], Numbered, "f.number can no longer be string"),
    ("a word that says what nobody knows", str, Odd, "f is narrower: not is another"),
]
"""What a request's field was and what it is, as pydantic writes the one and the other."""

HARMLESS = [
    ("words", of(TEXT | {"title": "F", "description": "old"}), of(TEXT | {"description": "new"})),
    ("examples", of(TEXT), of(TEXT | {"examples": ["a"]})),
    (
        "a model gets a name",
        of(of(TEXT)),
        of({"$ref": "#/$defs/Inner"}) | {"$defs": {"Inner": of(TEXT)}},
    ),
    ("the order of values", of(COLOURS), of({"type": "string", "enum": ["green", "red"]})),
    ("a list of one value", of(RED), of({"type": "string", "enum": ["red"]})),
]


@pytest.mark.parametrize(("_case", "old", "new", "told"), REQUESTS, ids=[c[0] for c in REQUESTS])
def test_what_breaks_a_request(_case: str, old: Json, new: Json, told: str) -> None:
    breaking = [change for change in request_changes("op", old, new) if change.breaking]
    assert any(told in change.text for change in breaking), breaking
    back = [change for change in request_changes("op", new, old) if change.breaking]
    assert bool(back) == (_case in BREAKS_BOTH_WAYS), back
    assert list(request_changes("op", new, old)), "and what it is the other way is told"


@pytest.mark.parametrize(("_case", "old", "new", "told"), ANSWERS, ids=[c[0] for c in ANSWERS])
def test_what_breaks_a_reply_or_an_event(_case: str, old: Json, new: Json, told: str) -> None:
    breaking = [change for change in answer_changes("op", old, new) if change.breaking]
    assert any(told in change.text for change in breaking), breaking
    back = [change for change in answer_changes("op", new, old) if change.breaking]
    assert bool(back) == (_case == "the type is another"), back
    assert list(answer_changes("op", new, old)), "and what it is the other way is told"


@pytest.mark.parametrize(("_case", "old", "new"), HARMLESS, ids=[c[0] for c in HARMLESS])
def test_what_changes_nothing(_case: str, old: Json, new: Json) -> None:
    for compared in (request_changes, answer_changes):
        assert list(compared("op", old, new)) == []
        assert list(compared("op", new, old)) == []


@pytest.mark.parametrize(("_case", "was", "now", "told"), TYPES, ids=[c[0] for c in TYPES])
def test_what_breaks_a_field(_case: str, was: Any, now: Any, told: str) -> None:
    old, new = (of(TypeAdapter(each).json_schema()) for each in (was, now))
    breaking = [change for change in request_changes("op", old, new) if change.breaking]
    assert any(told in change.text for change in breaking), breaking
    for same in (old, new):
        assert list(request_changes("op", same, deepcopy(same))) == []


def test_what_is_allowed_more() -> None:
    """Values that all fit into what they become break nobody."""
    pairs: list[tuple[Any, Any]] = [
        (Literal["x", "y"], Text1),
        (Literal[1, 2], UpTo10),
        (Literal[5, 10], InFives),
        (InFives, int),
        (dict[Literal["a"], str], dict[str, str]),
        (tuple[str, str], list[str]),
        (OneOf, dict[str, str]),
    ]
    for was, now in pairs:
        old, new = (of(TypeAdapter(each).json_schema()) for each in (was, now))
        assert [each for each in request_changes("op", old, new) if each.breaking] == []


@pytest.fixture(scope="module")
def old() -> Json:
    """The catalogue as it is, not to be changed."""
    return catalogue()


class Tree(BaseModel):
    leaf: str
    branches: list["Tree"] = []


def test_a_model_within_itself() -> None:
    old = Tree.model_json_schema()
    new = deepcopy(old)
    new["$defs"]["Tree"]["properties"]["leaf"]["maxLength"] = 3
    [change] = request_changes("op", old, new)
    assert (change.breaking, change.text) == (True, "leaf is narrower: maxLength none or 3")


OWN = ", or one's own token"
RULES = [
    ("an operation goes", lambda c: c["operations"].pop("user.get"), True, "user.get: is gone"),
    ("an event goes", lambda c: c["events"].pop("user.created"), True, "user.created: is gone"),
    ("another subject", lambda c: edit(c, subject="svc.x"), True, "has another subject"),
    ("another scope", lambda c: edit(c, scope="read:person"), True, "asks for read:person"),
    ("one scope more", lambda c: edit(c, scope="read:user read:person"), True, "read:person"),
    ("none any more", lambda c: edit(c, scope="public", tokens=[]), False, "asks for public"),
    ("none for one's own", lambda c: edit(c, scope=f"read:user{OWN}"), False, "or one's own"),
    ("none for one's own, and another", lambda c: edit(c, scope=f"x{OWN}"), True, "asks for x"),
    ("a kind of token goes", lambda c: edit(c, tokens=["client"]), True, "kind personal"),
    ("a key is required", lambda c: edit(c, idempotencyKeyRequired=True), True, "Idempotency-Key"),
    ("a header is not heeded", lambda c: edit(c, headers={}), True, "no longer heeds"),
    ("an event is told", lambda c: edit(c, events=["user.read"]), False, "tells the event"),
    ("a code is added", lambda c: refuse(c, 409, "BUSY"), False, "may refuse with 409 BUSY"),
    ("a code goes", lambda c: edit(c, refusals=[]), False, "no longer refuses with"),
    ("a code has another status", lambda c: refuse(c, 410, "USER_NOT_FOUND"), True, "410"),
    ("words", lambda c: edit(c, description="Better said."), None, ""),
]


@pytest.mark.parametrize(("_case", "change", "breaking", "told"), RULES, ids=[c[0] for c in RULES])
def test_rules_of_operations(
    old: Json, _case: str, change: Any, breaking: bool | None, told: str
) -> None:
    new = deepcopy(old)
    change(new)
    found = changes(old, new)
    assert [each for each in found if each.breaking is not breaking] == []
    assert (found == []) == (breaking is None)
    assert told in "\n".join(map(str, found))


def test_a_scope_for_ones_own_is_asked_again(old: Json) -> None:
    before = deepcopy(old)
    edit(before, scope=f"read:user{OWN}")
    assert [change.breaking for change in changes(before, old)] == [True]


def test_what_is_new_breaks_nobody(old: Json) -> None:
    before = deepcopy(old)
    before["operations"].pop("user.get")
    before["events"].pop("user.created")
    assert [str(each) for each in changes(before, old)] == [
        "compatible  user.created: is new",
        "compatible  user.get: is new",
    ]


def test_a_real_request_and_reply(old: Json) -> None:
    """By the schemas as they are, with models within models."""
    new = deepcopy(old)
    create, listed = new["operations"]["user.create"], new["operations"]["user.list"]
    create["request"]["$defs"]["Address"]["properties"]["city"]["maxLength"] = 10
    del listed["reply"]["$defs"]["UserRecord"]["properties"]["language"]
    listed["reply"]["$defs"]["UserRecord"]["required"].remove("language")
    data = new["events"]["user.created"]["properties"]["data"]
    data["properties"]["source"] = TEXT
    assert [str(each) for each in changes(old, new) if each.breaking] == [
        "breaking    user.create request: address.city is narrower: maxLength 256 or 10",
        "breaking    user.list reply: users[].language is gone",
        "breaking    user.list reply: users[].language may be missing",
    ]
    assert "compatible  user.created event: data.source is new" in map(str, changes(old, new))


def edit(catalogue: Json, **changed: Any) -> None:
    """Change `user.get`."""
    catalogue["operations"]["user.get"] |= changed


def refuse(catalogue: Json, status: int, code: str) -> None:
    """Let `user.get` refuse with this."""
    refusals = catalogue["operations"]["user.get"]["refusals"]
    refusals[:] = [each for each in refusals if each["code"] != code]
    refusals.append({"status": status, "code": code, "detail": ""})
