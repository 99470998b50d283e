"""`svc-user import`: every good line once, every bad line told of, however often it is run."""

import asyncio
import csv
import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.errors import TimeoutError as NatsTimeoutError

from service.command.failure import NoAnswer
from service.command.sending import Hopeless, Sender, Settled, settle_all
from service.command.user_lines import Line, RefusedLine, UserLine
from tests.cli.conftest import Invoke
from tests.cli.program import ROOT, Program, environment, run
from tests.cli.test_user_lines import ANN, HEADER, row
from tests.client import Partner, new_user
from tests.deployment import Deploy, Deployment
from tests.eventually import eventually


class Importing:
    """A partner with an entity, and the command as a process that reaches its deployment."""

    def __init__(self, partner: Partner, entity: str) -> None:
        self.partner = partner
        self.entity = entity
        self.env = environment(
            SVC_USER_NATS_URL=partner.deployment.nats_url,
            SVC_USER_KEYS_DIR=str(partner.deployment.keys_dir),
        )

    def arguments(self, file: str | Path, *options: str) -> tuple[str, ...]:
        """The command's."""
        to = ("--entity", self.entity, "--partner", self.partner.name)
        return ("import", str(file), *to, *options)

    async def run(self, file: str | Path, *options: str) -> tuple[int, str]:
        """Import a file."""
        return await run(*self.arguments(file, *options), env=self.env)

    async def emails(self) -> list[str]:
        """Those of all users there are, in the order of the alphabet."""
        users = self.partner.deployment.database["users"].find({"partner": self.partner.name})
        return sorted([user["email"] async for user in users])


@pytest.fixture
async def importing(partner: Partner) -> Importing:
    return Importing(partner, await partner.entity())


def write(file: Path, emails: Iterable[str], *more: str) -> Path:
    """A file with a user for each e-mail, and these lines after them."""
    file.write_text("\n".join((HEADER, *(row(email=email) for email in emails), *more)) + "\n")
    return file


async def test_good_lines_are_in_once_and_bad_ones_are_told_of(
    importing: Importing, tmp_path: Path
) -> None:
    """Run again, it finds what is there; a line that was changed has an e-mail that is taken."""
    emails = [f"ann{n}@example.com" for n in range(20)]
    bad = row(email="ann21@example.com", country="ZZZ"), "a,b"
    file, report = write(tmp_path / "users.csv", emails, *bad), tmp_path / "refused.csv"
    status, text = await importing.run(file, "--report", str(report))
    assert status == 1
    assert "22 lines: 20 imported, 2 refused" in text
    assert "NOT_ALLOWED_VALUE" in text
    assert [(each["line"], each["code"], each["path"]) for each in rows(report)] == [
        ("22", "NOT_ALLOWED_VALUE", "country"),
        ("23", "INVALID_LINE", ""),
    ]
    changed = (row(email="ann3@example.com", city="Pretoria"), row(email="new@example.com"))
    write(file, [email for email in emails if email != "ann3@example.com"], *changed)
    report = tmp_path / "refused.jsonl"
    status, text = await importing.run(file, "--report", str(report))
    assert status == 1
    assert "21 lines: 1 imported, 19 there already, 1 refused" in text
    (refused,) = map(json.loads, report.read_text().splitlines())
    assert (refused["line"], refused["code"], refused["path"]) == (21, "NOT_UNIQUE", "email")
    assert "ann3@" not in text
    assert await importing.emails() == sorted([*emails, "new@example.com"])


def rows(report: Path) -> list[dict[str, str]]:
    """The rows of a report in CSV."""
    with report.open(newline="") as file:
        return list(csv.DictReader(file))


async def test_after_ctrl_c_it_goes_on_where_it_was(importing: Importing, tmp_path: Path) -> None:
    """Whatever was under way then is created once."""
    emails = [f"ann{n}@example.com" for n in range(2_400)]
    file = write(tmp_path / "users.csv", emails)
    first = await Program.start(*importing.arguments(file, "--in-flight", "4"), env=importing.env)
    await eventually(importing.emails)
    first.send(signal.SIGINT)
    assert await first.ended() == 130, first.text
    assert "Run the same again" in first.text
    assert "Traceback" not in first.text
    status, text = await importing.run(file)
    assert status == 0, text
    assert "2,400 lines" in text
    assert " imported, " in text
    assert " there already, 0 refused" in text
    assert await importing.emails() == sorted(emails)


async def test_a_pipe_is_read_as_it_comes_and_ctrl_c_does_not_wait_for_it(
    importing: Importing,
) -> None:
    """JSON lines from standard input, of which there might be more."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *importing.arguments("-", "--format", "jsonl")),
        cwd=ROOT,
        env=importing.env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert program.stdin is not None
    emails = [f"ann{n}@example.com" for n in range(200)]
    for email in emails:
        program.stdin.write(json.dumps(ANN | {"email": email, "verified": True}).encode() + b"\n")
    await program.stdin.drain()

    async def all_in() -> bool:
        return len(await importing.emails()) == len(emails)

    await eventually(all_in)
    program.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        await program.wait()
    assert program.returncode == 130
    assert await importing.emails() == sorted(emails)


async def test_a_dry_run_needs_nobody(tmp_path: Path) -> None:
    """It tells what is wrong with the lines, and asks no server."""
    file = write(tmp_path / "users.csv", ["ann@example.com"], row(email="x"))
    options = ("--dry-run", "--partner", "acme", "--entity", str(uuid4()), "--data-dir", "/none")
    status, text = await run("import", str(file), *options)
    assert status == 1
    assert "2 lines: 1 valid, 1 refused" in text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("users.csv", "first_name,emial\n", "names `emial`"),
        ("users.csv", "", "is empty"),
        ("users.txt", HEADER, "csv or jsonl?"),
        ("none.csv", None, "cannot be read: No such file"),
    ],
)
async def test_what_is_no_file_of_users_is_refused_at_once(
    invoke: Invoke, tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    to = ("--entity", str(uuid4()), "--partner", "acme", "--data-dir", tmp_path)
    result = await invoke("import", file, *to)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.replace("│", " ").split())


async def test_an_entity_that_is_not_there_ends_it(importing: Importing, tmp_path: Path) -> None:
    """After the first answer, not after a million of them."""
    importing.entity = str(uuid4())
    file = write(tmp_path / "users.csv", [f"ann{n}@example.com" for n in range(500)])
    status, text = await importing.run(file)
    assert status == 1
    assert "404 ENTITY_NOT_FOUND" in text
    assert "Every line would be refused so" in text


def line(number: int, entity_id: str, **fields: object) -> UserLine:
    """A line with a user."""
    body = json.dumps(new_user(entity_id, **fields))
    return UserLine(number, body.encode(), body)


class Turns:
    """Lines for many tasks."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)

    def __aiter__(self) -> "Turns":
        return self

    async def __anext__(self) -> Line:
        try:
            return next(self._lines)
        except StopIteration:
            raise StopAsyncIteration from None


def sender_to(deployment: Deployment, partner: Partner, **options: float) -> Sender:
    """A sender whose keys are the lines' numbers."""
    key = f"key-{uuid4().hex}"
    return Sender(
        deployment.nats,
        partner.name,
        lambda line: f"{key}-{line.number}",
        lambda: partner.all_rights,
        **options,
    )


async def test_a_partner_over_its_rate_is_waited_for(deploy: Deploy) -> None:
    """No line is lost, none is refused, and none is taken for one that was there already."""
    deployment = await deploy(partner_rate=30)
    partner = Partner(deployment)
    entity = await partner.entity()
    fates: list[Settled | RefusedLine] = []
    lines = Turns(line(number, entity) for number in range(90))
    await settle_all(sender_to(deployment, partner), lines, fates.append, 32)
    assert [fate.fate for fate in fates if isinstance(fate, Settled)] == ["created"] * 90
    assert await deployment.database["users"].count_documents({}) == 90


async def test_a_lost_reply_is_made_good(
    deployment: Deployment, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was created is not created again, and counts as created, not as there before."""
    entity, request, lost = await partner.entity(), deployment.nats.request, 0

    async def losing(*arguments: Any, **options: Any) -> Any:
        nonlocal lost
        reply = await request(*arguments, **options)
        if not lost:
            lost += 1
            raise NatsTimeoutError
        return reply

    monkeypatch.setattr(deployment.nats, "request", losing)
    sender, wanted = sender_to(deployment, partner), line(1, entity)
    assert await sender.settle(wanted) == Settled(wanted, "created")
    assert await sender.settle(wanted) == Settled(wanted, "there")
    taken = await sender.settle(
        UserLine(2, wanted.body.replace(b"Thandi", b"Lerato"), wanted.content)
    )
    assert isinstance(taken, RefusedLine)
    assert taken.errors[0]["code"] == "NOT_UNIQUE"
    assert lost == 1


async def test_when_nobody_answers_it_gives_up(deployment: Deployment, partner: Partner) -> None:
    """After a while in which nothing is settled, and says what it heard last."""
    sender = sender_to(deployment, Partner(deployment, "a.b"), gives_up_after=0.0)
    with pytest.raises(NoAnswer, match=r"svc\.user\.a\.b\.create"):
        await sender.settle(line(1, str(uuid4())))


async def test_a_token_without_the_right_ends_it(deployment: Deployment, partner: Partner) -> None:
    partner.all_rights = partner.token(scopes=["read:user"])
    with pytest.raises(Hopeless, match="403 MISSING_SCOPE"):
        await sender_to(deployment, partner).settle(line(1, str(uuid4())))
