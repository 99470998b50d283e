"""Tricks of Unicode, in e-mails and names: one mailbox is one user, and a text comes back as sent.

Two addresses are the same where mail systems take them so (RFC 6531, RFC 6532, RFC 5891): in
whichever form their letters are composed and their domain is written; and besides, whatever the
case. Letters that only look alike are others, as they are to a mail system.
"""

import asyncio
import contextlib
import unicodedata
from typing import Any

import pytest
from email_validator import EmailNotValidError

from schemas.email import comparable_email
from tests.client import Partner, new_user
from tests.clients import signing_up

SAME = {
    "case": ("ann.lee@example.com", "ANN.Lee@EXAMPLE.COM"),
    "composed and not": ("jos\u00e9@example.com", "jose\u0301@example.com"),
    "two marks in either order": ("a\u0323\u0307@example.com", "a\u0307\u0323@example.com"),
    "Hangul and its letters": ("\ud55c@example.com", "\u1112\u1161\u11ab@example.com"),
    "the sign of the kelvin": ("kate@example.com", "\u212aate@example.com"),
    "the sign of the angstrom": ("\u00e5sa@example.com", "\u212bsa@example.com"),
    "a Turkish capital": ("\u0130pek@example.com", "i\u0307pek@example.com"),
    "a Greek capital": ("\u03b1\u03b2@example.com", "\u0391\u0392@example.com"),
    "a final sigma": ("\u03bd\u03bf\u03c2@example.com", "\u039d\u039f\u03a3@example.com"),
    "a sigma at the end": ("\u03bd\u03bf\u03c3@example.com", "\u039d\u039f\u03a3@example.com"),
    "a domain and its ASCII form": ("a@b\u00fccher.example.com", "a@xn--bcher-kva.example.com"),
    "a domain in capitals": ("b@b\u00fccher.example.com", "b@XN--BCHER-KVA.EXAMPLE.COM"),
    "a domain composed and not": ("c@b\u00fccher.example.com", "c@bu\u0308cher.example.com"),
    "a domain in full width": ("d@example.com", "d@\uff45\uff58ample.com"),
    "a domain with an ideographic stop": ("e@example.com", "e@example\u3002com"),
    "a domain with a sharp s": ("g@stra\u00dfe.example.com", "g@xn--strae-oqa.example.com"),
    "spaces around it": ("h@example.com", " h@example.com\u3000"),
}
OTHERS = {
    "a Cyrillic letter": ("paypal@example.com", "p\u0430ypal@example.com"),
    "a letter in full width": ("abc@example.com", "\uff41bc@example.com"),
    "a dotless i": ("dirk@example.com", "d\u0131rk@example.com"),
    "a sharp s": ("strauss@example.com", "strau\u00df@example.com"),
    "a ligature": ("fine@example.com", "\ufb01ne@example.com"),
    "a tag": ("tag@example.com", "tag+1@example.com"),
    "a dot": ("ab.c@example.com", "abc.@example.com".replace(".@", "@")),
    "a domain with a Cyrillic letter": ("x@apple.example.com", "x@\u0430pple.example.com"),
}
NONE = {
    "a zero-width space": "a\u200bb@example.com",
    "a zero-width joiner": "a\u200db@example.com",
    "a word joiner": "a\u2060b@example.com",
    "a byte order mark": "\ufeffa@example.com",
    "right to left": "\u202emoc.elpmaxe@example.com",
    "an isolate": "a\u2066b\u2069@example.com",
    "a soft hyphen": "a\u00adb@example.com",
    "a soft hyphen in the domain": "a@exam\u00adple.com",
    "NUL": "a\0@example.com",
    "NUL in the domain": "a@exa\0mple.com",
    "a line end": "a@example.com\r\nBcc: b@example.com",
    "a separator": "a\u2028b@example.com",
    "an escape": "\x1b[31ma@example.com",
    "a C1 control": "a\u009bb@example.com",
    "a mark alone": "\u0301a@example.com",
    "a private letter": "a\ue000@example.com",
    "no character": "a\uffff@example.com",
    "a tag of languages": "a\U000e0041@example.com",
    "quotes": '"a b"@example.com',
    "a comment": "a(b)@example.com",
    "an address literal": "a@[127.0.0.1]",
    "a final dot": "a@example.com.",
    "an at in full width": "a\uff20example.com",
    "two in one": "a@example.com,b@example.com",
    "percent": "a%b@c@example.com",
    "punycode that is none": "a@xn--a.example.com",
    "punycode of ASCII": "a@xn--example-.com",
    "a domain joined by nothing": "a@exa\u200dmple.com",
    "a long domain": "a@" + "b" * 64 + ".com",
    "a flood of marks": "a" + "\u0301" * 300 + "@example.com",
}
NAMES = (
    *(
        "Zo\u00eb",
        "Zoe\u0308",
        "\u202eeilA\u202c",
        "A\u200bB",
        "\ufeffAnn",
        "N\0UL",
        "\u00c5\u212b",
    ),
    *(
        "\u0130\u0131",
        "\uff21\uff22",
        "\U0001f468\u200d\U0001f469",
        "Robert'); DROP",
        "Z" + "\u0334" * 200,
    ),
    *("a\r\nb", "\x1b[31mred", "<script>alert(1)</script>", "\u0645\u062d", "\U000e0041a"),
    *("a\u2028\u2029x", "\ufffd\uffff", "=1+1", "%s%n{0}${jndi:ldap://x}", "a" * 256),
)


async def created(partner: Partner, entity_id: str, email: str) -> Any:
    """What comes of a request for a user with the address."""
    return await partner.ask("user.create", new_user(entity_id, email=email))


@pytest.mark.parametrize("name", SAME)
async def test_same_mailbox(partner: Partner, name: str) -> None:
    """One user has it: whoever is first, however it is written, and by whatever operation."""
    entity_id = await partner.entity()
    for first, second in (SAME[name], SAME[name][::-1]):
        user_id = (await created(partner, entity_id, first)).done["userId"]
        assert (await created(partner, entity_id, second)).refusal == (409, "NOT_UNIQUE", "email")
        again = await partner.ask("user.signup", signing_up(email=second))
        assert again.refusal == (409, "NOT_UNIQUE", "email")
        other = await partner.user(entity_id)
        taken = await partner.ask("user.update", {"user_id": other, "email": second})
        assert taken.refusal == (409, "NOT_UNIQUE", "email")
        assert (await partner.ask("user.exists", {"email": second})).done == {"exists": True}
        [found] = (await partner.ask("user.list", {"email": second, "active": True})).done["users"]
        assert found["email"] == first.strip()
        assert (await partner.ask("user.deactivate", {"user_id": user_id})).done


def test_every_letter_compares_with_its_forms() -> None:
    """Of all letters with another form, small, composed or not, each is compared as that one."""
    for letter in map(chr, range(0x80, 0x1_F000)):
        forms = {unicodedata.normalize("NFD", letter), letter.lower()}
        if forms == {letter}:
            continue
        with contextlib.suppress(EmailNotValidError):
            compared = comparable_email(f"a{letter}b@example.com")
            for form in forms:
                with contextlib.suppress(EmailNotValidError):
                    assert comparable_email(f"a{form}b@example.com") == compared, ascii(letter)


async def test_same_mailbox_at_once(partner: Partner) -> None:
    """So when both come at once."""
    entity_id = await partner.entity()
    for first, second in SAME.values():
        forms = (first, second, unicodedata.normalize("NFD", first), second.upper())
        replies = await asyncio.gather(*(created(partner, entity_id, form) for form in forms))
        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409], first
        [done] = [reply for reply in replies if reply.status == 200]
        assert (await partner.ask("user.deactivate", {"user_id": done.body["userId"]})).done


@pytest.mark.parametrize("name", OTHERS)
async def test_other_mailbox(partner: Partner, name: str) -> None:
    """What only looks like another address is one of its own, and shown as it was sent."""
    entity_id = await partner.entity()
    for email in OTHERS[name]:
        user_id = (await created(partner, entity_id, email)).done["userId"]
        assert (await partner.record(user_id))["email"] == email


@pytest.mark.parametrize("name", NONE)
async def test_no_mailbox(partner: Partner, name: str) -> None:
    """What hides something, or ends a line, is no address anywhere."""
    email = NONE[name]
    body = new_user(await partner.entity(), email=email)
    for title, request in (
        ("user.create", body),
        ("user.signup", signing_up(email=email)),
        ("user.exists", {"email": email}),
        ("user.list", {"email": email}),
    ):
        reply = await partner.ask(title, request)
        assert reply.refusal[0] == 400
        assert {path for _, path in reply.errors} == {"email"}
        assert email not in str(reply.body)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_names_come_back(partner: Partner, name: str) -> None:
    """A name is kept as it is, to the code point: in the reply, the list and the event."""
    user_id = await partner.user(first_name=name, last_name="Nkosi", city=name)
    record = await partner.record(user_id)
    assert (record["first_name"], record["city"]) == (name, name)
    shown = (await partner.ask("user.get", {"user_id": user_id})).done
    assert shown["details"]["firstName"] == name
    [event] = await partner.events(user_id, 1)
    assert name in event["data"]["user"].values() or shown["name"] == f"{name} Nkosi"
    business = await partner.entity(trading_name=name)
    assert (await partner.ask("entity.get", {"entity_id": business})).done


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"a\\udfffb"', b'"\xed\xa0\x80"', b'"\xff\xfe"'])
async def test_no_character_at_all(partner: Partner, value: bytes) -> None:
    """Half of a surrogate pair, or no UTF-8, is no JSON, wherever it stands."""
    for title, field in (("user.exists", b"email"), ("business.list", b"name")):
        reply = await partner.ask(title, b'{"' + field + b'":' + value + b"}")
        assert reply.refusal == (400, "INVALID_JSON", field.decode())
