"""What an account should be after each step: the rules again, as plainly as they can be said."""

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Role = Literal["admin", "moderator", "member"]


class Step(NamedTuple):
    """Something that somebody asks for."""

    what: Literal["create", "modify", "remove", "approve", "reject", "settle"]
    actor: int = 0
    target: int = 0
    role: Role = "moderator"


@dataclass(frozen=True)
class Model:
    """One account: users are numbers, and those who have not confirmed their e-mail are known."""

    roles: dict[int, Role]
    unconfirmed: frozenset[int]
    pending: frozenset[int] = field(default=frozenset())
    settled: bool = False

    @property
    def admins(self) -> set[int]:
        """Who is an admin."""
        return {user for user, role in self.roles.items() if role == "admin"}

    def after(self, step: Step) -> "tuple[Model, str]":
        """The account after the step, and the code that refuses it, "" for none."""
        code = getattr(self, f"_refuses_{step.what}")(step)
        return (self, code) if code else (getattr(self, f"_with_{step.what}")(step), "")

    def _refuses_create(self, step: Step) -> str:
        acting = self.roles.get(step.actor)
        if acting != "admin" and (acting != "moderator" or step.role == "admin"):
            return "NOT_ACCOUNT_ADMIN"
        if step.target in self.roles:
            return "ALREADY_MEMBER"
        return self._refuses_proposal(step.target) if step.role == "admin" else ""

    def _refuses_proposal(self, target: int) -> str:
        if self.settled:
            return "FUNDS_SETTLED"
        return "USER_NOT_CONFIRMED" if target in self.unconfirmed else ""

    def _refuses_change(self, step: Step) -> str:
        if self.roles.get(step.actor) != "admin":
            return "NOT_ACCOUNT_ADMIN"
        return "" if step.target in self.roles else "MEMBERSHIP_NOT_FOUND"

    def _refuses_loss(self, target: int) -> str:
        if target not in self.admins:
            return ""
        if self.settled:
            return "FUNDS_SETTLED"
        return "LAST_ADMIN" if self.admins == {target} else ""

    def _refuses_modify(self, step: Step) -> str:
        if code := self._refuses_change(step):
            return code
        if self.roles[step.target] == step.role:
            return ""
        if step.role != "admin":
            return self._refuses_loss(step.target)
        return "" if step.target in self.pending else self._refuses_proposal(step.target)

    def _refuses_remove(self, step: Step) -> str:
        return self._refuses_change(step) or self._refuses_loss(step.target)

    def _refuses_decision(self, step: Step) -> str:
        if step.target not in self.roles:
            return "MEMBERSHIP_NOT_FOUND"
        return "" if step.target in self.pending else "NOT_PENDING"

    def _refuses_approve(self, step: Step) -> str:
        return self._refuses_decision(step) or self._refuses_proposal(step.target)

    def _refuses_reject(self, step: Step) -> str:
        return self._refuses_decision(step)

    def _refuses_settle(self, _step: Step) -> str:
        return ""

    def _given(self, target: int, role: Role, *, pending: bool = False) -> "Model":
        others = self.pending - {target}
        return replace(
            self,
            roles={**self.roles, target: role},
            pending=others | {target} if pending else others,
        )

    def _with_create(self, step: Step) -> "Model":
        if step.role == "admin":
            return self._given(step.target, "moderator", pending=True)
        return self._given(step.target, step.role)

    def _with_modify(self, step: Step) -> "Model":
        had = self.roles[step.target]
        if had == step.role:
            return self
        if step.role == "admin":
            return self._given(step.target, had, pending=True)
        return self._given(step.target, step.role)

    def _with_remove(self, step: Step) -> "Model":
        left = {user: role for user, role in self.roles.items() if user != step.target}
        return replace(self, roles=left, pending=self.pending - {step.target})

    def _with_approve(self, step: Step) -> "Model":
        return self._given(step.target, "admin")

    def _with_reject(self, step: Step) -> "Model":
        return replace(self, pending=self.pending - {step.target})

    def _with_settle(self, _step: Step) -> "Model":
        return replace(self, settled=True)
