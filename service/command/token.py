"""`svc-user token`: a token, signed with the deployment's own key."""

import time
from dataclasses import dataclass
from pathlib import Path

import typer

from service.auth.issuer import DEFAULT_TTL, Issuer
from service.auth.scopes import ALL_SCOPES, TokenUse
from service.command.keys import signing_keys
from service.command.options import DataDir, Domain, Partner, Scopes, Subject, Ttl, User
from service.command.place import DEFAULT_FOLDER, keys_folder

_SUBJECT = "cli"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token is to speak for, as the options of a command say it."""

    partner: str
    scopes: str | None
    user: str | None
    subject: str | None
    domain: str | None

    def __post_init__(self) -> None:
        if self.user is not None and self.subject is not None:
            raise typer.BadParameter(
                "--user makes a user's token and --subject a client's: give one of them"
            )

    def token(self, folder: Path, ttl: int = DEFAULT_TTL) -> str:
        """A token for it, signed with the key that the folder or the settings lead to.

        Raises: WrongSetting; Failure.
        """
        return Issuer(signing_keys(keys_folder(folder))).issue(
            partners=[self.partner],
            subject=self.user or self.subject or _SUBJECT,
            use=TokenUse.USER if self.user else TokenUse.CLIENT,
            scopes=ALL_SCOPES if self.scopes is None else set(self.scopes.split()),
            now=time.time(),
            ttl=ttl,
            domain=self.domain,
        )


def token(
    partner: Partner,
    scope: Scopes = None,
    user: User = None,
    subject: Subject = None,
    domain: Domain = None,
    ttl: Ttl = DEFAULT_TTL,
    data_dir: DataDir = DEFAULT_FOLDER,
) -> None:
    """Print a token, and nothing else.

    It is signed with the key in SVC_USER_KEYS_DIR, else with that of `svc-user dev`.
    """
    typer.echo(Bearer(partner, scope, user, subject, domain).token(data_dir, ttl))
