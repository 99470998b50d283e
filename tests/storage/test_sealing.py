"""Sealed values open where they were sealed, with a key of the ring, and nowhere else."""

import base64
import json
from pathlib import Path

import pytest

from service.storage.sealing import DataKeys, SealBroken, Sealer, masked, masked_email

PLACE = "users/7/id_number"


def test_opens_in_its_place() -> None:
    """What was sealed opens; sealed twice it looks different; the value is not to be seen in it."""
    sealer = Sealer(DataKeys.generate())
    sealed = [sealer.seal(b"9001015800084", PLACE) for _ in range(2)]
    assert sealed[0] != sealed[1]
    for each in sealed:
        assert b"9001015800084" not in each
        assert sealer.open(each, PLACE) == b"9001015800084"


@pytest.mark.parametrize(
    "place", ["users/8/id_number", "users/7/idempotency", "people/7/id_number", ""]
)
def test_moved(place: str) -> None:
    """A ciphertext moved to another record, field or collection does not open."""
    sealer = Sealer(DataKeys.generate())
    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"9001015800084", PLACE), place)


def test_altered() -> None:
    """Nor does one of which any byte is another, or missing."""
    sealer = Sealer(DataKeys.generate())
    sealed = sealer.seal(b"9001", PLACE)
    for at in range(len(sealed)):
        altered = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        for broken in (altered, sealed[:at]):
            with pytest.raises(SealBroken):
                sealer.open(broken, PLACE)


def test_ring_of_keys() -> None:
    """With a new current key the old values still open; without the old key they do not."""
    old, new = DataKeys.generate(), DataKeys.generate()
    ring = DataKeys(new.current, {**old.keys, **new.keys}, old.hash_key)
    sealed = Sealer(old).seal(b"9001", PLACE)
    assert Sealer(ring).open(sealed, PLACE) == b"9001"
    assert Sealer(new).open(Sealer(ring).seal(b"9001", PLACE), PLACE) == b"9001"
    with pytest.raises(SealBroken) as broken:
        Sealer(new).open(sealed, PLACE)
    assert "7" not in str(broken.value), "the record's id is not for logs"


def test_keyed_hash() -> None:
    """Equal values have equal hashes, and with another key others."""
    keys = DataKeys.generate()
    assert Sealer(keys).keyed_hash(b"x") == Sealer(keys).keyed_hash(b"x")
    assert Sealer(keys).keyed_hash(b"x") != Sealer(keys).keyed_hash(b"y")
    assert Sealer(keys).keyed_hash(b"x") != Sealer(DataKeys.generate()).keyed_hash(b"x")


def test_file_of_a_ring(tmp_path: Path) -> None:
    """A ring comes back from its file as it was."""
    keys, path = DataKeys.generate(), tmp_path / "data.json"
    path.write_text(keys.dump())
    assert DataKeys.load(path) == keys


KEY = base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    "ring",
    [
        "",
        "[]",
        "{}",
        json.dumps({"current": "aa", "keys": {"aa": KEY}}),
        json.dumps({"current": "bb", "keys": {"aa": KEY}, "hash": KEY}),
        json.dumps({"current": "aa", "keys": {"aa": KEY[:-8]}, "hash": KEY}),
        json.dumps({"current": "aa", "keys": {"aa": 7}, "hash": KEY}),
        json.dumps({"current": "aa", "keys": [], "hash": KEY}),
        json.dumps({"current": "aabbccdd", "keys": {"aabbccdd": KEY}, "hash": ""}),
        json.dumps({"current": "not hex", "keys": {"not hex": KEY}, "hash": KEY}),
        json.dumps({"current": "aabb", "keys": {"aabb": KEY}, "hash": KEY}),
    ],
)
def test_wrong_file(tmp_path: Path, ring: str) -> None:
    """A file that is no ring is refused by its name, none of its content told."""
    path = tmp_path / "data.json"
    path.write_text(ring)
    with pytest.raises(ValueError, match=r"data\.json") as refused:
        DataKeys.load(path)
    assert KEY[:8] not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("9001015800084", "xxxxxxxxx0084"),
        ("12345", "x2345"),
        ("1234", "xxxx"),
        ("12", "xx"),
        ("", ""),
        ("äöüßé", "xöüßé"),
    ],
)
def test_masked(number: str, shown: str) -> None:
    """Four characters are seen at most, and none of a number that has no more."""
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("existing.user@domain.com", "e***@domain.com"),
        ("a@domain.com", "a***@domain.com"),
        ("ü@bücher.example", "ü***@bücher.example"),
    ],
)
def test_masked_email(email: str, shown: str) -> None:
    """The first character and the domain are seen."""
    assert masked_email(email) == shown
