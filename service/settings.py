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
_FIELD = re.compile(r'field "(\w+)"')


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

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

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
        DEFAULT_TTL, ge=1, description="Seconds that a token of svc.token is good for."
    )
    refresh_seconds: int = Field(
        90 * 86_400, ge=1, description="Seconds that a refresh token is good for."
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
    drain_seconds: float = Field(20, gt=0, description="Seconds a stopping worker has to finish.")

    stream_replicas: int = Field(1, ge=1, le=5, description="Replicas of the event stream.")
    stream_max_age_days: float = Field(0, ge=0, description="Days an event stays; 0: for ever.")
    stream_max_bytes: int = Field(-1, ge=-1, description="Bytes the stream may hold; -1: no limit.")
    sweep_seconds: float = Field(2, gt=0, description="Seconds between two looks for old events.")
    sweep_age_seconds: float = Field(5, ge=0, description="Age at which a waiting event is swept.")

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
        for url in value.split(","):
            parts = urlsplit(url.strip())
            if parts.scheme not in _NATS_SCHEMES or not parts.hostname:
                raise ValueError("nats://host:port is wanted, or several with commas between")
            parts.port  # noqa: B018  # raises ValueError where it is none
        return value

    @field_validator("mongo_uri")
    @classmethod
    def _mongo_is_a_uri(cls, value: str) -> str:
        if not value.startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("mongodb://host:port/?replicaSet=name is wanted")
        return value

    @model_validator(mode="after")
    def _keys_are_keys(self) -> Self:
        for name in self._trusted_accounts:
            account_key(name)
        return self

    @property
    def nats_servers(self) -> list[str]:
        """The NATS servers as a list."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    @property
    def account_keys(self) -> dict[str, Ed25519PublicKey]:
        """The trusted NATS accounts by their nkeys."""
        return {name: account_key(name) for name in self._trusted_accounts}

    @property
    def _trusted_accounts(self) -> tuple[str, ...]:
        if self.nats_accounts_file is None:
            return self.nats_accounts
        try:
            return (*self.nats_accounts, *self.nats_accounts_file.read_text().split())
        except OSError as error:
            raise ValueError(str(error)) from error


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


def _sentence(found: Any) -> str:
    name = PREFIX + "__".join(str(part) for part in found["loc"][:1]).upper()
    if not found["loc"]:
        name = PREFIX + "NATS_ACCOUNTS"
    inner = ".".join(str(part) for part in found["loc"][1:])
    message = found["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{name} is wrong{f' at {inner}' if inner else ''}: {message}."
