"""Settings: read once from the environment, checked whole, then frozen."""

import re
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from service.auth.issuer import AUDIENCE, DEFAULT_TTL
from service.auth.nats_jwt import account_key
from service.storage.mongo import Driver

PREFIX = "SVC_USER_"

_NATS_SCHEMES = frozenset({"nats", "tls", "ws", "wss"})
_MONGO_SCHEMES = frozenset({"mongodb", "mongodb+srv"})
_SYSTEM_DATABASES = frozenset({"admin", "local", "config"})
_FIELD = re.compile(r'field "(\w+)"')
_HOUR, _DAY = 3_600, 86_400
_TEN_YEARS = 3_650 * _DAY
_LEAST_BYTES = 16 * 2**20
"""Less would hold no more than a few events, and drop the others as they come."""


class WrongSetting(Exception):
    """A setting that stops the start; the text names it and says what it should be."""


class ExternalIssuer(BaseModel):
    """An issuer elsewhere whose tokens are accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    audience: str = AUDIENCE
    jwks: dict[str, Any] | None = None
    jwks_file: Path | None = None

    @model_validator(mode="after")
    def _one_jwks(self) -> Self:
        if (self.jwks is None) == (self.jwks_file is None):
            raise ValueError("give either jwks or jwks_file")
        return self


class Settings(BaseSettings):
    """What an operator may set; each as an environment variable with the prefix SVC_USER_."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", allow_inf_nan=False
    )

    nats_url: str = Field("nats://127.0.0.1:4222", description="NATS servers, comma-separated.")
    nats_creds: FilePath | None = Field(
        None, description="Credentials file (.creds) to connect with."
    )
    nats_user: str | None = Field(None, description="User name to connect with.")
    nats_password: str | None = Field(None, description="Password to connect with.", repr=False)
    nats_ca: FilePath | None = Field(None, description="CA certificates, for TLS to NATS.")
    nats_cert: FilePath | None = Field(None, description="Client certificate, for TLS to NATS.")
    nats_key: FilePath | None = Field(None, description="Key of the client certificate.")

    mongo_uri: str = Field(
        "mongodb://127.0.0.1:27017/?replicaSet=rs0",
        description="MongoDB; a replica set.",
    )
    mongo_database: str = Field(
        "svc_user", pattern="^[A-Za-z0-9_-]{1,63}$", description="Database to keep everything in."
    )
    mongo_driver: Driver = Field(
        "pymongo", description="pymongo, its asyncio API, or motor, which came before it."
    )

    keys_dir: Path | None = Field(
        None, description="Folder with data.json and signing.json, the two key rings."
    )
    token_seconds: int = Field(
        DEFAULT_TTL,
        ge=1,
        le=_TEN_YEARS,
        description="Seconds that a token of svc.token is good for.",
    )
    refresh_seconds: int = Field(
        90 * _DAY, ge=1, le=_TEN_YEARS, description="Seconds that a refresh token is good for."
    )
    issuers: tuple[ExternalIssuer, ...] = Field(
        (), description='Issuers to trust: JSON list of {"issuer", "audience", "jwks_file"|"jwks"}.'
    )
    nats_accounts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Account nkeys (A…) whose user JWTs are accepted, comma-separated."
    )
    nats_accounts_file: FilePath | None = Field(
        None,
        description="File with more such nkeys, one a line: `trusted-accounts` of nats-config.",
    )
    nats_jwt_without_expiry: bool = Field(
        False, description="Accept NATS user JWTs that never expire."
    )

    preference_catalogue: FilePath | None = Field(
        None, description="JSON file with a catalogue of notification preferences of your own."
    )

    bound: int = Field(
        512, ge=1, le=100_000, description="Requests in flight in a worker; more are refused."
    )
    partner_rate: float = Field(
        0, ge=0, description="Requests a second for a partner; 0: no limit."
    )
    exists_rate: float = Field(
        20, ge=0, description="user.exists requests a second for a partner; 0: no limit."
    )
    drain_seconds: float = Field(
        20, gt=0, le=_HOUR, description="Seconds a stopping worker has to finish."
    )

    stream_replicas: int = Field(1, ge=1, le=5, description="Replicas of the event stream.")
    stream_max_age_days: float = Field(
        0, ge=0, le=36_500, description="Days an event stays; 0: for ever."
    )
    stream_max_bytes: int = Field(-1, ge=-1, description="Bytes the stream may hold; -1: no limit.")
    sweep_seconds: float = Field(
        2, gt=0, le=_HOUR, description="Seconds between two looks for old events."
    )
    sweep_age_seconds: float = Field(
        5, ge=0, le=_DAY, description="Age at which a waiting event is swept."
    )

    http_port: int = Field(
        0, ge=0, le=65_535, description="Port of /healthz, /readyz and /metrics; 0: none."
    )
    http_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the HTTP port listens on."
    )

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Log level.")
    log_format: str = Field("json", pattern="^(json|text)$", description="json or text.")
    log_queries: bool = Field(False, description="Log a line for each query too.")

    @model_validator(mode="before")
    @classmethod
    def _split_accounts(cls, values: Any) -> Any:
        accounts = values.get("nats_accounts")
        if isinstance(accounts, str):
            names = tuple(name.strip() for name in accounts.split(",") if name.strip())
            values = {**values, "nats_accounts": names}
        return values

    @field_validator("nats_url")
    @classmethod
    def _servers_are_urls(cls, value: str) -> str:
        if not all(_is_server(url.strip()) for url in value.split(",")):
            raise ValueError(
                "nats://host:port is wanted, or several with commas between; a password with signs "
                f"that mean something in a URL goes into {PREFIX}NATS_PASSWORD"
            )
        return value

    @field_validator("mongo_uri")
    @classmethod
    def _mongo_is_a_uri(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        if scheme not in _MONGO_SCHEMES:
            raise ValueError("mongodb://host:port/?replicaSet=name is wanted")
        if "@" in rest.partition("/")[2].partition("?")[0]:
            # The driver would take the rest of a password for a database, and show it.
            raise ValueError("a / or @ in the password is written as %2F or %40")
        return value

    @field_validator("mongo_database")
    @classmethod
    def _database_is_our_own(cls, value: str) -> str:
        if value.lower() in _SYSTEM_DATABASES:
            raise ValueError(f"{value} is MongoDB's own: choose another name")
        return value

    @field_validator("stream_max_age_days")
    @classmethod
    def _events_stay_a_while(cls, value: float) -> float:
        if 0 < value * 24 < 1:
            raise ValueError("events stay for an hour at least, which is 0.042; 0: for ever")
        return value

    @field_validator("stream_max_bytes")
    @classmethod
    def _stream_holds_events(cls, value: int) -> int:
        if 0 <= value < _LEAST_BYTES:
            raise ValueError(f"{_LEAST_BYTES} is the least; -1: no limit")
        return value

    @field_validator("nats_accounts")
    @classmethod
    def _keys_are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            account_key(name)
        return value

    @field_validator("nats_accounts_file")
    @classmethod
    def _file_has_keys(cls, value: Path | None) -> Path | None:
        cls._keys_are_keys(_names_in(value))
        return value

    @model_validator(mode="after")
    def _pairs_are_whole(self) -> Self:
        for name, other in (("nats_key", "nats_cert"), ("nats_password", "nats_user")):
            if getattr(self, name) is not None and getattr(self, other) is None:
                given, missing = (f"{PREFIX}{each.upper()}" for each in (name, other))
                raise ValueError(f"{given} is set without {missing}: set both, or neither")
        return self

    @property
    def nats_servers(self) -> list[str]:
        """The NATS servers as a list."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    @property
    def account_keys(self) -> dict[str, Ed25519PublicKey]:
        """The trusted NATS accounts by their nkeys."""
        names = (*self.nats_accounts, *_names_in(self.nats_accounts_file))
        return {name: account_key(name) for name in names}


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment, with these on top.

    Raises: WrongSetting, with a sentence for each that is wrong.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise WrongSetting("\n".join(_sentence(each) for each in found)) from None
    except SettingsError as error:  # a value is not the JSON that it must be
        field = _FIELD.search(str(error))
        name = f"{PREFIX}{field[1].upper()}" if field else "A setting"
        raise WrongSetting(f"{name} is wrong: it is not valid JSON.") from None


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError where it is none, with a part of the URL
    except ValueError:
        return False
    # Where an @ comes later, a sign in the password has ended the host before it.
    whole = "@" not in parts.path + parts.query + parts.fragment
    return parts.scheme in _NATS_SCHEMES and bool(parts.hostname) and whole


def _names_in(file: Path | None) -> tuple[str, ...]:
    try:
        return tuple(file.read_text().split()) if file is not None else ()
    except OSError as error:
        raise ValueError(str(error)) from error


def _sentence(found: Any) -> str:
    message = found["msg"].removeprefix("Value error, ").rstrip(".")
    if not found["loc"]:
        return f"{message}."  # of several settings, which it names
    name = f"{PREFIX}{found['loc'][0]}".upper()
    inner = ".".join(str(part) for part in found["loc"][1:])
    return f"{name} is wrong{f' at {inner}' if inner else ''}: {message}."
