"""The accounts of NATS that keep partners apart: one for the service, one for each partner.

Subjects of one account do not exist in another, and neither do its inboxes. What passes between
the service and a partner is named here, subject by subject:

- requests, `svc.*.<partner>.*`, and their replies;
- the partner's events as they happen, `evt.*.<partner>.>`;
- the partner's own durable consumers of the event stream: to ask about them, to fetch, to
  acknowledge. They are made for the partner (`svc-user nats-consumers`): whoever may make a
  consumer may also name any subject of the service's account to deliver to (tried on 2.15.1), and
  permissions, which are about subjects, cannot look into that request.

A partner's account has no JetStream, so `$JS.API` in it answers that there is none. That is why the
consumers are reached as the JetStream domain `svc-user`, under `$JS.svc-user.API`.
"""

from collections.abc import Sequence

from service.auth.nats_claims import Claims

DOMAIN = "svc-user"
"""The JetStream domain by which a partner's clients find its consumers."""

_INFO = "CONSUMER.INFO.{stream}.{consumer}"
_NEXT = "CONSUMER.MSG.NEXT.{stream}.{consumer}"
_ACK = "$JS.ACK.{stream}.{consumer}.>"
_HERE, _THERE = "$JS.API.", f"$JS.{DOMAIN}.API."
_REQUESTS = "svc.*.{partner}.*"
_EVENTS = "evt.*.{partner}.>"


def exports(stream: str) -> list[Claims]:
    """What the service's account gives; an account gets of it what its own JWT imports."""
    any_consumer = {"stream": stream, "consumer": "*"}
    return [
        _export("requests", _REQUESTS.format(partner="*"), "service", "Singleton"),
        _export("events", _EVENTS.format(partner="*"), "stream"),
        _export("info", _HERE + _INFO.format(**any_consumer), "service", "Singleton"),
        # One request is answered by as many events as it asks for.
        _export("next", _HERE + _NEXT.format(**any_consumer), "service", "Stream"),
        _export("ack", _ACK.format(**any_consumer), "service", "Stream"),
    ]


def imports(service: str, stream: str, partner: str, consumers: Sequence[str]) -> list[Claims]:
    """What a partner's account takes from the account `service`: its own."""
    taken = [
        _import(service, "requests", _REQUESTS.format(partner=partner), "service"),
        _import(service, "events", _EVENTS.format(partner=partner), "stream"),
    ]
    for consumer in consumers:
        names = {"stream": stream, "consumer": consumer}
        for name, call in (("info", _INFO), ("next", _NEXT)):
            subject = call.format(**names)
            taken.append(
                _import(
                    service,
                    f"{name} {consumer}",
                    _HERE + subject,
                    "service",
                    local_subject=_THERE + subject,
                )
            )
        taken.append(_import(service, f"ack {consumer}", _ACK.format(**names), "service"))
    return taken


def permissions(stream: str, partner: str, consumers: Sequence[str]) -> Claims:
    """What a partner's users may say and hear within its account."""
    said = [_REQUESTS.format(partner=partner)]
    for consumer in consumers:
        names = {"stream": stream, "consumer": consumer}
        said += [_THERE + call.format(**names) for call in (_INFO, _NEXT)]
        said.append(_ACK.format(**names))
    heard = ["_INBOX.>", _EVENTS.format(partner=partner)]
    return {"pub": {"allow": said}, "sub": {"allow": heard}}


def _export(name: str, subject: str, type: str, response: str = "") -> Claims:
    replies = {"response_type": response} if response else {}
    return {"name": name, "subject": subject, "type": type} | replies


def _import(account: str, name: str, subject: str, type: str, **more: str) -> Claims:
    return {"name": name, "subject": subject, "account": account, "type": type} | more
