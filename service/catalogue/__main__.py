"""Writes what is made from the operations, and checks it.

python -m service.catalogue             write schemas/catalogue and the generated part of the client
python -m service.catalogue --check     exit 1 if it is out of step, malformed or breaks callers
python -m service.catalogue --publish   keep the catalogue as that of a release
"""

import sys

from service import __version__
from service.catalogue.compatibility import Change, changes
from service.catalogue.files import (
    catalogue,
    misworded,
    out_of_step,
    publish,
    published,
    write,
)


def main(arguments: list[str]) -> int:
    """Write the catalogue, check it or publish it; the exit status."""
    match arguments:
        case []:
            write()
        case ["--check"]:
            return _check()
        case ["--publish"]:
            publish()
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


def _check() -> int:
    wrong = out_of_step()
    if wrong:
        sys.stderr.write(f"schemas is out of step ({', '.join(wrong[:5])}); run `make schemas`.\n")
    unknown = misworded()
    for each in unknown:
        sys.stderr.write(f"JSON Schema has no such word: {each}\n")
    released = published()
    found = changes(released, catalogue())
    allowed = _major(__version__) > _major(released["version"])
    _tell(found, released["version"], allowed)
    broken = not allowed and any(each.breaking for each in found)
    return 1 if wrong or unknown or broken else 0


def _tell(found: list[Change], version: str, allowed: bool) -> None:
    """Say what has changed since the release."""
    if not found:
        return
    sys.stdout.write(f"The contract since version {version}:\n")
    sys.stdout.writelines(f"  {each}\n" for each in found)
    if not allowed and any(each.breaking for each in found):
        sys.stderr.write(
            "What breaks callers needs another major version: take it back, or raise the first "
            "number of the version in pyproject.toml and service/__init__.py.\n"
        )


def _major(version: str) -> int:
    return int(version.partition(".")[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
