"""Makes one replica set of the mongods that are named, and waits until it is whole.

Safe to run again. It runs in svc-user's own image, so MongoDB's needs no shell.
"""

import sys
import time

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

SET = "rs0"
NOT_YET_INITIALIZED = 94
WITHIN = 120.0
WHOLE = {"PRIMARY", "SECONDARY"}


def obstacle(members: list[str]) -> str:
    """Say what is missing until the set is whole, and go a step of the way there."""
    with MongoClient(members[0], directConnection=True, serverSelectionTimeoutMS=2000) as client:
        try:
            status = client.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            hosts = [{"_id": number, "host": host} for number, host in enumerate(members)]
            client.admin.command("replSetInitiate", {"_id": SET, "members": hosts})
            return "initiated"
    states = {member["name"]: member["stateStr"] for member in status["members"]}
    if set(states.values()) <= WHOLE and "PRIMARY" in states.values():
        return ""
    return ", ".join(f"{name} is {state}" for name, state in states.items())


def main(members: list[str]) -> int:
    """Try until the set is whole, and give the exit status."""
    deadline, said = time.monotonic() + WITHIN, ""
    while time.monotonic() < deadline:
        try:
            missing = obstacle(members)
        except PyMongoError as error:
            missing = f"MongoDB says: {error}"
        if not missing:
            sys.stdout.write(f"{SET} of {', '.join(members)} is whole\n")
            return 0
        if missing != said:
            sys.stdout.write(f"{missing}\n")
            sys.stdout.flush()
            said = missing
        time.sleep(0.5)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
