"""What the settings name, and a worker needs: MongoDB, NATS and its stream, key rings, catalogue.

Here each is opened, loaded or brought in line, and a setting that is wrong is told by its name. Who
owns it, and for how long, is for the callers to say.
"""

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from service.auth.issuer import ISSUER, SigningKeys
from service.auth.keys import TrustedIssuer
from service.auth.nats_claims import check_credentials
from service.auth.rings import KeyFolder
from service.preference.catalogue import BUILT_IN, Catalogue, WrongCatalogue, read_catalogue
from service.settings import Settings, WrongSetting
from service.storage.errors import WrongUri
from service.storage.mongo import Mongo

log = structlog.get_logger()

STREAM = "SVC_USER_EVENTS"

_RECONNECT_PAUSE = 0.25

_NO_REPLICAS = 10074
_NO_JETSTREAM = frozenset({None, 10039, 10076})
"""Nobody answers for it, the account may not use it, it is not enabled."""


def open_mongo(settings: Settings) -> Mongo:
    """The database of the settings; nothing is reached yet.

    Raises: WrongSetting.
    """
    try:
        return Mongo(settings.mongo_uri, settings.mongo_database, settings.mongo_driver)
    except WrongUri as error:
        raise WrongSetting(f"SVC_USER_MONGO_URI is wrong: {error}.") from error


def load_keys(settings: Settings) -> KeyFolder:
    """The folder with the key rings that the settings name; the signing ring may be absent.

    Raises: WrongSetting.
    """
    if settings.keys_dir is None:
        raise WrongSetting("SVC_USER_KEYS_DIR is not set: name the folder with the key rings.")
    try:
        return KeyFolder(settings.keys_dir)
    except (OSError, ValueError) as error:
        raise WrongSetting(f"SVC_USER_KEYS_DIR is wrong: {error}.") from error


def load_catalogue(settings: Settings) -> Catalogue:
    """The catalogue of notification preferences that the settings name, else the built-in one.

    Raises: WrongSetting.
    """
    try:
        return read_catalogue(settings.preference_catalogue or BUILT_IN)
    except WrongCatalogue as error:
        raise WrongSetting(f"SVC_USER_PREFERENCE_CATALOGUE is wrong: {error}.") from None


def trusted_issuers(settings: Settings, ring: SigningKeys | None) -> list[TrustedIssuer]:
    """svc-user's own issuer, where it has keys, and those of the settings.

    Raises: WrongSetting.
    """
    issuers = [TrustedIssuer.own(ring)] if ring is not None else []
    for each in settings.issuers:
        if ring is not None and each.issuer == ISSUER:
            # It would take the place of our own, whose tokens would all be refused.
            raise WrongSetting(
                f"SVC_USER_ISSUERS is wrong: {ISSUER} is the issuer of {settings.keys_dir}, "
                "which is trusted already: leave it out."
            )
        jwks: Path | dict[str, Any] = each.jwks_file or each.jwks or {}
        try:
            issuers.append(TrustedIssuer.external(each.issuer, each.audience, jwks))
        except (OSError, ValueError) as error:
            raise WrongSetting(f"SVC_USER_ISSUERS is wrong: {error}.") from error
    return issuers


async def connect(connection: Client, settings: Settings, **options: Any) -> None:
    """Connect to NATS, and keep connecting for as long as the connection lives.

    `options` are nats-py's own, in the place of what a worker has.
    Raises: WrongSetting; nats.errors.Error, OSError, ValueError: it cannot be reached.
    """
    usual: dict[str, Any] = {
        "servers": settings.nats_servers,
        "name": "svc-user",
        "user": settings.nats_user,
        "password": settings.nats_password,
        "user_credentials": _credentials(settings),
        "tls": _tls(settings),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": _RECONNECT_PAUSE,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "error_cb": _on_error,
        "disconnected_cb": _on_disconnect(connection),
        "reconnected_cb": _on_reconnect,
    }
    await connection.connect(**usual | options)


async def ensure_stream(jetstream: JetStreamContext, settings: Settings) -> None:
    """Create the event stream, or bring it in line with the settings.

    Raises: WrongSetting; nats.errors.Error.
    """
    try:
        if not await make_stream(jetstream, settings):
            await jetstream.update_stream(stream_config(settings))
    except APIError as error:
        if error.err_code == _NO_REPLICAS:
            raise WrongSetting(
                f"SVC_USER_STREAM_REPLICAS is wrong: {settings.stream_replicas} take a cluster, "
                "and this nats-server is alone: set it to 1, or start more servers."
            ) from error
        if isinstance(error, ServiceUnavailableError) and error.err_code in _NO_JETSTREAM:
            raise WrongSetting(
                "SVC_USER_NATS_URL is wrong: there is no JetStream. Start nats-server with -js, "
                "and let this account use it."
            ) from error
        raise


async def make_stream(jetstream: JetStreamContext, settings: Settings) -> bool:
    """Create the event stream if there is none, and tell whether there was none.

    Raises: nats.errors.Error.
    """
    try:
        await jetstream.stream_info(STREAM)
    except NotFoundError:
        await jetstream.add_stream(stream_config(settings))
        return True
    return False


def stream_config(settings: Settings) -> StreamConfig:
    """What the event stream should be."""
    return StreamConfig(
        name=STREAM,
        description="Domain events of svc-user",
        subjects=["evt.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        num_replicas=settings.stream_replicas,
        max_age=settings.stream_max_age_days * 86_400,
        max_bytes=settings.stream_max_bytes,
        allow_direct=True,
    )


def _credentials(settings: Settings) -> str | None:
    """The path of the credentials file, which nats-py reads each time it connects."""
    if settings.nats_creds is None:
        return None
    try:
        check_credentials(settings.nats_creds.read_text())
    except (OSError, ValueError) as error:
        raise WrongSetting(
            f"SVC_USER_NATS_CREDS is wrong: {settings.nats_creds} does not hold NATS credentials: "
            f"{error}."
        ) from None
    return str(settings.nats_creds)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.nats_ca is None and settings.nats_cert is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.nats_ca)
    except (OSError, ValueError) as error:
        raise WrongSetting(
            f"SVC_USER_NATS_CA is wrong: {settings.nats_ca} has no certificates in PEM: {error}."
        ) from error
    if settings.nats_cert is not None:
        try:
            context.load_cert_chain(settings.nats_cert, settings.nats_key)
        except (OSError, ValueError) as error:
            names = "SVC_USER_NATS_CERT" + (" or SVC_USER_NATS_KEY" if settings.nats_key else "")
            raise WrongSetting(
                f"{names} is wrong: a certificate and the key to it are wanted, in PEM: {error}."
            ) from error
    return context


async def _on_error(error: Exception) -> None:
    log.warning("nats_error", error=type(error).__name__)


def _on_disconnect(connection: Client) -> Callable[[], Awaitable[None]]:
    async def tell() -> None:
        if not connection.is_closed:  # nobody asked for it
            log.warning("nats_disconnected")

    return tell


async def _on_reconnect() -> None:
    log.info("nats_reconnected")
