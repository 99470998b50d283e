"""Key rings that change while workers run: each goes on with what is in the folder."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
import structlog

from service.auth.rings import DATA, SIGNING, KeyFolder
from service.storage.sealing import DataKeys
from tests.client import Partner
from tests.clients import Client
from tests.deployment import Deployment
from tests.eventually import eventually


def write(folder: Path, name: str, text: str) -> None:
    """Put a file in the place of another, as an operator's tools do."""
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / name)


async def statuses(partner: Partner, token: str) -> set[int]:
    """How workers answer to the token: so many requests leave none of two out."""
    asked = (partner.ask("user.list", {"limit": 1}, token) for _ in range(24))
    return {reply.status for reply in await asyncio.gather(*asked)}


async def test_rotated_signing_key(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """Tokens of the earlier key live, new ones are signed by the new one, on every worker."""
    deployment = await deploy(2)
    partner = Partner(deployment)
    client = await Client.of(partner)
    earlier = await client.token()
    ring = deployment.signing_keys.rotated()
    write(deployment.keys_dir, SIGNING, ring.dump())

    async def signed_by_new() -> bool:
        token = await client.token()
        assert await statuses(partner, token) == {200}, "no worker refuses what another has signed"
        return bool(jwt.get_unverified_header(token)["kid"] == ring.current)

    await eventually(signed_by_new, within=5)
    assert await statuses(partner, earlier) == {200}
    keys = (await partner.ask("token.jwks", token="")).done["keys"]
    assert {key["kid"] for key in keys} >= {ring.current}

    alone = replace(ring, keys={ring.current: ring.keys[ring.current]})
    write(deployment.keys_dir, SIGNING, alone.dump())

    async def refused() -> bool:
        return await statuses(partner, earlier) == {401}

    await eventually(refused, within=5)


async def test_rotated_data_key(deploy: Callable[..., Awaitable[Deployment]]) -> None:
    """What was sealed before opens, what is sealed from now on names the new key."""
    deployment = await deploy()
    partner = Partner(deployment)
    before = await partner.user(id_number="9001015800084")
    ring = DataKeys.load(deployment.keys_dir / DATA)
    new = DataKeys.generate()
    write(
        deployment.keys_dir,
        DATA,
        replace(ring, current=new.current, keys={**ring.keys, **new.keys}).dump(),
    )
    users = deployment.database["users"]

    async def sealed_by_new() -> bool:
        document = await users.find_one({"_id": await partner.user()})
        return document is not None and document["id_number"][:4].hex() == new.current

    await eventually(sealed_by_new, within=5)
    assert (await partner.record(before))["id_number"] == "9001015800084"


def test_unreadable_ring(tmp_path: Path) -> None:
    """A ring that cannot be read leaves the one that was, until the file is whole."""
    keys = DataKeys.generate()
    (tmp_path / DATA).write_text(keys.dump())
    folder = KeyFolder(tmp_path)
    assert (folder.data.current, folder.signing) == (keys.current, None)
    assert not folder.look()
    new = DataKeys.generate()
    with structlog.testing.capture_logs() as lines:
        write(tmp_path, DATA, new.dump()[:-20])
        assert not folder.look()
    assert [line["event"] for line in lines] == ["key_ring_unreadable"]
    assert folder.data.current == keys.current
    write(tmp_path, DATA, new.dump())
    assert folder.look()
    assert folder.data.current == new.current


def test_no_ring(tmp_path: Path) -> None:
    """Without data keys nothing can begin."""
    with pytest.raises(FileNotFoundError):
        KeyFolder(tmp_path)
