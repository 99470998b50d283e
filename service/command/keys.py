"""`svc-user keys`: the two key rings that a worker needs, and the public half of one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from service.auth.issuer import SigningKeys
from service.auth.rings import DATA, SIGNING
from service.command.failure import Failure
from service.command.options import DataDir
from service.command.place import DEFAULT_FOLDER, keys_folder
from service.command.private_files import write_new, write_over
from service.storage.rotation import locked_ring
from service.storage.sealing import DataKeys

KeysDir = Annotated[
    Path | None,
    typer.Option(
        "--keys-dir",
        metavar="DIR",
        help="The folder with the key rings; else SVC_USER_KEYS_DIR, else .svc-user/keys.",
    ),
]


def init(keys_dir: KeysDir = None) -> None:
    """Make the key rings that are not there yet.

    `data.json` seals what is personal in MongoDB: keep a copy, without it none of that can be read
    any more. `signing.json` signs tokens. One that is there already is left as it is.
    """
    folder = keys_dir or keys_folder(DEFAULT_FOLDER)
    made = make_keys(folder)
    for name in (DATA, SIGNING):
        typer.echo(f"{folder / name}: {'made' if name in made else 'was there, left as it is'}")


def jwks(keys_dir: KeysDir = None, data_dir: DataDir = DEFAULT_FOLDER) -> None:
    """Print the public keys as a JWKS, for others that verify tokens of this issuer."""
    ring = signing_keys(keys_dir or keys_folder(data_dir))
    typer.echo(json.dumps(ring.jwks(), indent=2))


def rotate_signing(folder: Path, *, drop_old: bool) -> None:
    """Make a new key to sign tokens with.

    Raises: Failure; AlreadyRotating.
    """
    signing_keys(folder)  # says what is missing before a lock is made there
    try:
        with locked_ring(folder / SIGNING):
            ring = signing_keys(folder).rotated()
            if drop_old:
                ring = replace(ring, keys={ring.current: ring.keys[ring.current]})
            write_over(folder / SIGNING, ring.dump())
    except OSError as error:
        raise Failure(f"The key to sign with cannot be rotated: {error}.") from error
    typer.echo(f"{folder / SIGNING}: signs with {ring.current}, has {len(ring.keys)} in all")


def make_keys(folder: Path) -> list[str]:
    """Make the rings that the folder does not have; give their names.

    Raises: Failure.
    """
    rings = {DATA: DataKeys.generate().dump(), SIGNING: SigningKeys.generate().dump()}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [name for name, ring in rings.items() if write_new(folder / name, ring)]
    except OSError as error:
        raise Failure(f"The key rings cannot be made: {error}.") from error


def signing_keys(folder: Path) -> SigningKeys:
    """The ring that signs tokens.

    Raises: Failure.
    """
    try:
        return SigningKeys.load(folder / SIGNING)
    except FileNotFoundError:
        raise Failure(
            f"There is no key to sign with in {folder}: start `svc-user dev`, which makes one, "
            "or set SVC_USER_KEYS_DIR, or make one with `svc-user keys init`."
        ) from None
    except (OSError, ValueError) as error:
        raise Failure(f"The key to sign with cannot be read: {error}.") from error
