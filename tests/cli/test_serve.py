"""`svc-user serve`: a worker alone, beside a `dev` or against the servers of the settings."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path

import nats
import pytest

from service.command.keys import make_keys
from service.local import start_mongo
from service.local.mongo import primary_missing
from service.local.ports import LOOPBACK, free_port
from service.settings import read_settings
from tests.cli.conftest import Invoke
from tests.cli.program import Program, environment, run
from tests.eventually import eventually
from tests.servers import PrivateServers

# Another's key (that of RFC 8037) under our own issuer's name.
OUR_NAME = """[{"issuer": "svc-user", "jwks": {"keys": [
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}}]"""


async def test_it_serves_beside_a_dev_until_it_is_told_to_end(dev_dir: Path) -> None:
    """Two workers are found while it runs, and one answers after it has ended."""
    url = json.loads((dev_dir / "dev.json").read_text())["nats_url"]
    serving = await Program.start("serve", "--data-dir", str(dev_dir))
    ready = json.loads(await serving.error_line_with('"ready"'))
    async with await nats.connect(url) as client:
        subject = f"$SRV.PING.svc-user.{ready['worker']}"
        pong = await client.request(subject, timeout=5)
        assert json.loads(pong.data)["id"] == ready["worker"]
        assert await serving.stop() == 0
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request(subject, timeout=5)
        assert (await client.request("$SRV.PING.svc-user", timeout=5)).data


async def test_it_waits_for_servers_that_come_late(tmp_path: Path, nats_url: str) -> None:
    """And says what it waits for."""
    make_keys(tmp_path)
    port = free_port()
    serving = await Program.start("serve", env=settings(tmp_path, nats_url, port))
    assert "MongoDB" in await serving.error_line_with("Waiting")
    mongo = await start_mongo(tmp_path, port=port)
    try:
        await serving.error_line_with('"ready"')
        assert await serving.stop() == 0
    finally:
        mongo.kill()


async def test_a_mongod_alone_stops_the_start_at_once(
    tmp_path: Path, nats_url: str, private_servers: PrivateServers
) -> None:
    """It would refuse each transaction later. One whose set is to be initiated is waited for."""
    make_keys(tmp_path)
    server = await private_servers.standalone_mongo()
    env = {**settings(tmp_path, nats_url, server.port), "SVC_USER_MONGO_URI": server.url}
    status, text = await run("serve", env=env)
    assert status == 2
    assert "SVC_USER_MONGO_URI is wrong: " in text
    assert "--replSet" in text
    assert "Waiting" not in text

    to_be = await private_servers.standalone_mongo(arguments=["--replSet", "rs0"])
    serving = await Program.start(
        "serve", env=env | {"SVC_USER_MONGO_URI": f"{to_be.url}?directConnection=true"}
    )
    assert "not initiated" in await serving.error_line_with("Waiting")

    async def initiated() -> bool:
        return await primary_missing(LOOPBACK, to_be.port, f"{LOOPBACK}:{to_be.port}") is None

    await eventually(initiated)
    await serving.error_line_with('"ready"')
    assert await serving.stop() == 0


def settings(keys: Path, nats_url: str, mongo_port: int) -> Mapping[str, str]:
    return environment(
        SVC_USER_NATS_URL=nats_url,
        SVC_USER_MONGO_URI=f"mongodb://127.0.0.1:{mongo_port}/?replicaSet=rs0",
        SVC_USER_KEYS_DIR=str(keys),
    )


async def test_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    make_keys(tmp_path)
    url = f"nats://127.0.0.1:{free_port()}"
    serving = await Program.start("serve", env=settings(tmp_path, url, free_port()))
    await serving.error_line_with("Waiting")
    serving.send(signal.SIGINT)
    assert await serving.ended() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SVC_USER_BOUND", "0"),
        ("SVC_USER_NATS_URL", "nats://host:port"),
        ("SVC_USER_NATS_URL", "localhost:4222"),
        ("SVC_USER_NATS_CREDS", "/no/such/file"),
        ("SVC_USER_NATS_URL", "nats://u:s3cr/et@h:4222"),
        ("SVC_USER_NATS_URL", "nats://u:5/s3cret@h:4222"),
        ("SVC_USER_NATS_URL", "nats://u:5#s3cr@h:4222"),
        ("SVC_USER_NATS_URL", "nats://u:s3cr,et@h:4222"),
        ("SVC_USER_NATS_URL", "nats://[u:s3cret@h:4222"),
        ("SVC_USER_NATS_ACCOUNTS", "ABC"),
        pytest.param(
            "SVC_USER_NATS_ACCOUNTS_FILE", __file__, id="SVC_USER_NATS_ACCOUNTS_FILE-another file"
        ),
        ("SVC_USER_MONGO_URI", "localhost"),
        ("SVC_USER_MONGO_URI", "mongodb://u:x/s3cret@h/"),
        ("SVC_USER_MONGO_URI", "mongodb://u:12/s3cret@h"),
        ("SVC_USER_MONGO_DATABASE", "a b"),
        ("SVC_USER_MONGO_DATABASE", "admin"),
        ("SVC_USER_MONGO_DATABASE", "Config"),
        ("SVC_USER_MONGO_DATABASE", "local"),
        ("SVC_USER_MONGO_DRIVER", "pymango"),
        ("SVC_USER_TOKEN_SECONDS", "99999999999999"),
        ("SVC_USER_REFRESH_SECONDS", "99999999999999"),
        ("SVC_USER_DRAIN_SECONDS", "inf"),
        ("SVC_USER_PARTNER_RATE", "nan"),
        ("SVC_USER_STREAM_MAX_AGE_DAYS", "inf"),
        ("SVC_USER_STREAM_MAX_AGE_DAYS", "1e9"),
        ("SVC_USER_STREAM_MAX_AGE_DAYS", "1e-7"),
        ("SVC_USER_STREAM_MAX_BYTES", "0"),
        ("SVC_USER_STREAM_MAX_BYTES", "10"),
        ("SVC_USER_SWEEP_SECONDS", "inf"),
        ("SVC_USER_SWEEP_AGE_SECONDS", "inf"),
        ("SVC_USER_SWEEP_AGE_SECONDS", "1e300"),
        ("SVC_USER_ISSUERS", "[{"),
        ("SVC_USER_LOG_LEVEL", "loud"),
    ],
)
async def test_a_setting_that_is_wrong_in_itself_is_named(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = await invoke("serve")
    assert result.exit_code == 2
    assert f"{name} is wrong: " in result.stderr
    assert "s3cr" not in result.output


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("SVC_USER_NATS_KEY", "SVC_USER_NATS_CERT"),
        ("SVC_USER_NATS_PASSWORD", "SVC_USER_NATS_USER"),
    ],
)
async def test_half_of_a_pair_is_named_with_the_other(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    monkeypatch.setenv(name, __file__)
    result = await invoke("serve")
    assert result.exit_code == 2
    assert f"{name} is set without {other}" in result.stderr


def test_what_settings_may_be() -> None:
    """The bounds let in what somebody may want."""
    settings = read_settings(
        nats_url="nats://u:p%2Fw@h:4222, tls://h/",
        stream_max_age_days=1 / 24,
        stream_max_bytes=2**24,
        sweep_age_seconds=0,
        token_seconds=1,
    )
    assert settings.nats_servers == ["nats://u:p%2Fw@h:4222", "tls://h/"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SVC_USER_MONGO_URI", "mongodb://user:p@ss@host/"),
        ("SVC_USER_MONGO_URI", "mongodb://host/?tls=true&tlsCAFile=/no/such/file"),
        ("SVC_USER_KEYS_DIR", None),
        pytest.param("SVC_USER_ISSUERS", OUR_NAME, id="SVC_USER_ISSUERS-our name"),
        pytest.param("SVC_USER_NATS_CREDS", __file__, id="SVC_USER_NATS_CREDS-another file"),
        pytest.param("SVC_USER_NATS_CA", __file__, id="SVC_USER_NATS_CA-another file"),
        pytest.param("SVC_USER_NATS_CERT", __file__, id="SVC_USER_NATS_CERT-another file"),
    ],
)
async def test_a_setting_that_proves_wrong_is_named(
    tmp_path: Path, name: str, value: str | None
) -> None:
    """Before anything is reached."""
    make_keys(tmp_path)
    variables = {"SVC_USER_KEYS_DIR": str(tmp_path), name: value}
    env = environment(**{k: v for k, v in variables.items() if v is not None})
    status, text = await run("serve", env=env)
    assert status == 2
    assert name in text
    assert "Waiting" not in text
    assert "Traceback" not in text


async def test_a_nats_without_jetstream_is_named(
    tmp_path: Path, private_servers: PrivateServers, mongo_uri: str
) -> None:
    """Be it the server's, or one that is not for this account."""
    make_keys(tmp_path)
    of_a = "accounts { A { users: [{ user: u, password: p }] } }\nno_auth_user: u"
    for more in ("jetstream: disabled", of_a):
        server = await private_servers.nats(config=more)
        env = environment(
            SVC_USER_NATS_URL=server.url,
            SVC_USER_MONGO_URI=mongo_uri,
            SVC_USER_KEYS_DIR=str(tmp_path),
        )
        status, text = await run("serve", env=env)
        assert status == 2
        assert "there is no JetStream" in text
        assert "SVC_USER_NATS_URL" in text


async def test_replicas_without_a_cluster_are_named(
    tmp_path: Path, private_servers: PrivateServers, mongo_uri: str
) -> None:
    make_keys(tmp_path)
    server = await private_servers.nats()
    status, text = await run(
        "serve",
        env=environment(
            SVC_USER_NATS_URL=server.url,
            SVC_USER_MONGO_URI=mongo_uri,
            SVC_USER_KEYS_DIR=str(tmp_path),
            SVC_USER_STREAM_REPLICAS="3",
        ),
    )
    assert status == 2
    assert "SVC_USER_STREAM_REPLICAS is wrong: 3 take a cluster" in text
