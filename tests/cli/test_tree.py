"""`svc-user tree`: a partner's hierarchy, drawn."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from service.command.tree import drawn
from tests.cli.conftest import Invoke
from tests.organisation.company import new_administrator, new_business


def administrator(id: str) -> dict[str, Any]:
    """An administrator as lists show it, as far as it is drawn."""
    return {"administrator_id": id, "business_name": id.title(), "business_ein": "12-3456789"}


def business(id: str, parent_id: str | None, **fields: object) -> dict[str, Any]:
    """A business as lists show it, as far as it is drawn."""
    told = {"name": id.title(), "business_type": "EMPLOYER", "ein": None}
    return {"business_id": id, "parent_id": parent_id} | told | fields


def lines(administrators: list[Any], businesses: list[Any]) -> list[str]:
    """The drawing, line by line."""
    return [line.plain for line in drawn("acme", administrators, businesses)]


def test_each_business_hangs_below_its_parent() -> None:
    """Whichever was made first; what has no administrator stands beside them."""
    businesses = [
        business("low", "mid"),
        business("mid", "root", business_type="BUSINESS_PARTY", ein="98-7654321"),
        business("alone", None),
        business("beside", "root"),
    ]
    assert lines([administrator("root")], businesses) == [
        "acme",
        "├── Root  administrator  12-3456789  root",
        "│   ├── Mid  business party  98-7654321  mid",
        "│   │   └── Low  employer  low",
        "│   └── Beside  employer  beside",
        "└── Alone  employer  alone",
    ]


def test_a_name_cannot_steer_the_terminal() -> None:
    """Neither by escape codes nor as rich's own markup."""
    drawing = lines([], [business("id", None, name="[red]\x1b[31m\nMill")])
    assert drawing == ["acme", "└── [red]�[31m�Mill  employer  id"]


def test_a_hierarchy_may_be_a_thousand_deep() -> None:
    """As deep as a company is."""
    depth = 1_000
    businesses = [business(str(level), str(level - 1)) for level in range(depth)]
    drawing = lines([], businesses)
    assert len(drawing) == depth + 1
    assert drawing[-1] == " " * 4 * (depth - 1) + "└── 999  employer  999"


async def test_a_partner_is_drawn(invoke: Invoke, dev_dir: Path) -> None:
    """From what its lists hold."""
    partner = f"partner-{uuid4().hex[:12]}"

    async def ask(title: str, body: object) -> Any:
        result = await invoke(
            *("call", title, "--partner", partner, json.dumps(body), "--data-dir", dev_dir),
            *("--header", f"Idempotency-Key: {uuid4().hex}"),
        )
        return json.loads(result.stdout)

    admin_id = (await ask("administrator.create", new_administrator()))["administrator_id"]
    id = (await ask("business.create", new_business(admin_id)))["business_id"]
    result = await invoke("tree", "--partner", partner, "--data-dir", dev_dir)
    assert result.exit_code == 0
    first, second, third = result.stdout.splitlines()
    assert first.strip() == partner
    assert admin_id in second
    assert third.startswith("    └── Protea Mining  employer")
    assert id in third


async def test_a_domain_is_drawn_alone(invoke: Invoke, dev_dir: Path) -> None:
    """What is not in it is not there; an empty one has its partner's name only."""
    result = await invoke(
        *("tree", "--partner", "acme", "--domain", str(uuid4()), "--data-dir", dev_dir)
    )
    assert (result.exit_code, result.stdout.strip()) == (0, "acme")
