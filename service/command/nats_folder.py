"""The folder with NATS's accounts: keys and credentials that stay, and a configuration from them.

    accounts.conf          what each nats-server includes; nothing in it is secret
    trusted-accounts       who signs partners' tokens, for SVC_USER_NATS_ACCOUNTS_FILE
    consumers.json         the durable consumers of each partner, for `svc-user nats-consumers`
    service.creds          what workers connect with; system.creds what operators do
    operator.nk …          the seeds that sign: keep them, and keep them off the servers
    operator.jwt           what they sign for
    partners/acme.creds    what the partner connects with, and may show as its token
    partners/acme.nk       its account's seed

The folder is all there is to know: a partner whose files are deleted is no longer in what the next
run writes.
"""

import base64
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.auth import nats_accounts, nats_claims
from service.auth.nats_claims import Claims, NatsKey, Role
from service.command.failure import Failure
from service.command.private_files import write_new, write_over
from service.resources import STREAM

CONSUMERS = "consumers.json"
TRUSTED = "trusted-accounts"
_DAY = 86_400
_PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody connects with."""

    path: Path
    made: bool
    """Whether this run has made them."""
    until: datetime | None


class NatsFolder:
    """The folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        """Take the folder as it is.

        Raises: Failure.
        """
        self._folder = folder
        self._partners = folder / "partners"
        self._now = int(time.time())
        try:
            self._partners.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._operator = self._key("operator", "operator")
            self._system = self._key("system", "account")
            self._service = self._key("service", "account")
            self._signing = self._key("partners-signing", "account")
        except OSError as error:
            raise Failure(f"{folder} cannot be used: {error}.") from error

    @property
    def partners(self) -> list[str]:
        """The partners that have an account."""
        return sorted(path.stem for path in self._partners.glob("*.nk"))

    def add(self, partner: str) -> None:
        """Give the partner an account, where it has none.

        Raises: Failure, for two that NATS's tags, which are in lower case, would not tell apart.
        """
        for other in self.partners:
            if other != partner and other.lower() == partner.lower():
                raise Failure(
                    f"There is a partner {other}: {partner} differs from it in case only."
                )
        self._key(f"partners/{partner}", "account")

    def own_credentials(self) -> list[Credentials]:
        """Credentials of the service and of the system account; they do not expire."""
        accounts = {"service": self._service, "system": self._system}
        return [
            self._credentials(self._folder / f"{name}.creds", name, key, key, (), None)
            for name, key in accounts.items()
        ]

    def partner_credentials(self, partner: str, scopes: Iterable[str], days: int) -> Credentials:
        """Credentials of a partner, made where there are none."""
        account = self._key(f"partners/{partner}", "account")
        tags = [f"partner:{partner}", *(f"scope:{scope}" for scope in sorted(scopes))]
        path = self._partners / f"{partner}.creds"
        expires = self._now + days * _DAY
        return self._credentials(path, partner, self._signing, account, tags, expires)

    def write(self, further: Mapping[str, Iterable[str]]) -> None:
        """Write the configuration, with these consumers besides those that there are.

        Raises: Failure.
        """
        consumers = {
            partner: names
            for partner, names in consumers_in(self._folder).items()
            if partner in self.partners
        }
        for partner in self.partners:
            known = consumers.setdefault(partner, [partner])
            known += sorted(set(further.get(partner, ())) - set(known))
        write_over(self._folder / CONSUMERS, json.dumps(consumers, indent=2) + "\n", _PUBLIC)
        write_over(self._folder / TRUSTED, self._signing.name + "\n", _PUBLIC)
        write_over(self._folder / "accounts.conf", self._configuration(consumers), _PUBLIC)

    def _configuration(self, consumers: Mapping[str, Sequence[str]]) -> str:
        exports = nats_accounts.exports(STREAM)
        accounts = [
            nats_claims.account(self._system, "SYS"),
            nats_claims.account(self._service, "SVC_USER", exports=exports, jetstream=True),
            *(self._account(partner, consumers[partner]) for partner in self.partners),
        ]
        lines = [
            "# Written by `svc-user nats-config`: run it again rather than edit this.",
            f"operator: {self._operator_jwt()}",
            f"system_account: {self._system.name}",
            "resolver: MEMORY",
            "resolver_preload: {",
        ]
        for each in accounts:
            lines += [f"  # {each['name']}", f"  {each['sub']}: {self._signed(each)}"]
        return "\n".join((*lines, "}", ""))

    def _operator_jwt(self) -> str:
        """The same at each run: a nats-server refuses to reload what has another operator."""
        path = self._folder / "operator.jwt"
        write_new(path, self._signed(nats_claims.operator(self._operator, self._system.name)))
        return path.read_text()

    def _account(self, partner: str, consumers: Sequence[str]) -> Claims:
        return nats_claims.account(
            self._key(f"partners/{partner}", "account"),
            f"partner {partner}",
            imports=nats_accounts.imports(self._service.name, STREAM, partner, consumers),
            signing_keys=[self._signing.name],
            default_permissions=nats_accounts.permissions(STREAM, partner, consumers),
        )

    def _signed(self, claims: Claims) -> str:
        return self._operator.sign(claims, self._now)

    def _credentials(
        self,
        path: Path,
        name: str,
        signer: NatsKey,
        account: NatsKey,
        tags: Iterable[str],
        expires: int | None,
    ) -> Credentials:
        key = NatsKey.generate("user")
        claims = nats_claims.user(name, account.name, key, tags=tags, expires=expires)
        made = write_new(path, nats_claims.credentials(signer.sign(claims, self._now), key))
        return Credentials(path, made, _expiry(path))

    def _key(self, name: str, role: Role) -> NatsKey:
        path = self._folder / f"{name}.nk"
        write_new(path, NatsKey.generate(role).seed + "\n")
        try:
            return NatsKey(path.read_text().strip())
        except ValueError as error:
            raise Failure(f"{path} is {error}.") from None


def consumers_in(folder: Path) -> dict[str, list[str]]:
    """The durable consumers of each partner.

    Raises: Failure.
    """
    path = folder / CONSUMERS
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read: {error}.") from error
    if not isinstance(found, dict) or not all(_are_names(names) for names in found.values()):
        raise Failure(f'{path} is wrong: each partner with its consumers, {{"P": ["P"]}}.')
    return found


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _expiry(path: Path) -> datetime | None:
    """Until when the credentials in a file are good.

    Raises: Failure.
    """
    try:
        jwt = path.read_text().splitlines()[1]
        payload = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires: int | None = claims.get("exp")
        return None if expires is None else datetime.fromtimestamp(expires, UTC)
    except (OSError, ValueError, IndexError, OverflowError, AttributeError, TypeError) as error:
        raise Failure(f"{path} does not hold NATS credentials.") from error
