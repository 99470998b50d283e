"""The operations of svc.token: public, since the client's secret is in the request."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import cast

from schemas.base import Empty
from schemas.email import comparable_email
from schemas.token import (
    IssuedToken,
    IssueToken,
    Jwks,
    PublicJwk,
    RevokedToken,
    RevokeToken,
    TokenRevoked,
)
from service.auth.issuer import Ties
from service.auth.scopes import USER_SCOPES, TokenUse
from service.call import NOBODY, Call
from service.ids import random_id
from service.operation import Operations
from service.problems import Unavailable
from service.signup.codes import user_with_code
from service.tokens import sessions
from service.tokens.clients import Client
from service.tokens.problems import InvalidClient, InvalidGrant, ScopeNotGranted
from service.tokens.sessions import RefreshToken, Session
from service.users.standing import find_standing, is_good_for

operations = Operations("token")


@operations.command(
    "issue",
    scope="public",
    emits=[TokenRevoked],
    refuses=[InvalidClient, InvalidGrant, ScopeNotGranted],
)
async def issue(request: IssueToken, call: Call) -> IssuedToken:
    """Issue a token: to a client for itself, for a registration code, or for a refresh token.

    A registration code serves once. With a refresh, the tokens from before stop working; a refresh
    token that is used twice ends the whole session.
    """
    if call.authority.issuer is None:
        raise Unavailable  # there is no key here to sign with: nothing may be spent for nothing
    client = await _authenticated(call, request.client_id, request.client_secret)
    if request.grant_type == "registration_code":
        return _users_token(call, client, await _registered(call, client, request))
    if request.grant_type == "refresh_token":
        return _users_token(call, client, await _refreshed(call, client, request.refresh_token))
    scopes = frozenset(request.scope.split()) if request.scope else client.scopes
    if not scopes <= client.scopes:
        raise ScopeNotGranted(path="scope")
    return _reply(call, client, TokenUse.CLIENT, client.id, scopes)


@operations.command("revoke", scope="public", emits=[TokenRevoked], refuses=[InvalidClient])
async def revoke(request: RevokeToken, call: Call) -> RevokedToken:
    """Revoke a token of the client's: the whole session that it is of (RFC 7009).

    What is no token, or not this client's, is as revoked as it can be.
    """
    client = await _authenticated(call, request.client_id, request.client_secret)
    refresh_token = RefreshToken.read(request.token)
    if refresh_token is not None:
        if await sessions.find(call, client, refresh_token) is not None:
            await sessions.end(call, refresh_token.session_id, "revoked")
        return RevokedToken(revoked=True)
    caller = call.authority.verifier.claimed(request.token, call.now.timestamp())
    if caller is not None and caller.session is not None and caller.client == client.id:
        if caller.own_id is None:
            await sessions.end_of_client(call, client, caller.session)
        else:
            await sessions.end(call, caller.session, "revoked")
    return RevokedToken(revoked=True)


@operations.query("jwks", scope="public")
async def jwks(_request: Empty, call: Call) -> Jwks:
    """The issuer's public keys, for whoever verifies its tokens (RFC 7517)."""
    issuer = call.authority.issuer
    keys = issuer.ring.jwks()["keys"] if issuer is not None else []
    return Jwks(keys=[cast(PublicJwk, key) for key in keys])


async def _authenticated(call: Call, client_id: str, secret: str) -> Client:
    """The client that asks, who is the call's caller from here on.

    A right secret is never refused for the wrong ones before it: it cannot be guessed, and nobody
    shall lock a client out.
    Raises: InvalidClient; RateLimited, after too many wrong secrets; Unavailable.
    """
    client = await call.authority.clients.find(call.partner, client_id)
    if client is None:
        raise InvalidClient
    if not client.has_secret(secret):
        await call.authority.attempts.charge(call.now, call.partner, client_id)
        raise InvalidClient
    call.caller = replace(NOBODY, subject=client.id, domain=client.domain, scopes=client.scopes)
    return client


async def _registered(call: Call, client: Client, request: IssueToken) -> Session:
    """The session that a registration code begins.

    Raises: InvalidGrant; RateLimited, Overloaded, Unavailable.
    """
    attempt = (call.partner, client.id, comparable_email(request.email))
    async with call.authority.attempts.charging(call.now, *attempt):
        user_id = await user_with_code(call, request.email, request.registration_code)
        session = await sessions.begin(call, client, user_id) if user_id is not None else None
        if session is None:
            raise InvalidGrant
    await call.authority.attempts.forgive(*attempt)
    return session


async def _refreshed(call: Call, client: Client, text: str) -> Session:
    """The session with its next tokens.

    Raises: InvalidGrant, Unavailable.
    """
    token = RefreshToken.read(text)
    document = await sessions.find(call, client, token) if token is not None else None
    if token is None or document is None or document["refresh_expires_at"] <= call.now:
        raise InvalidGrant
    if not is_good_for(await find_standing(call, document["user_id"]), document["created_at"]):
        raise InvalidGrant
    session = None
    if sessions.is_latest(document, token):
        session = await sessions.go_on(call, document, token)
    if session is None:
        await sessions.end(call, document["_id"], "reused")
        raise InvalidGrant
    return session


def _users_token(call: Call, client: Client, session: Session) -> IssuedToken:
    scopes = client.scopes & USER_SCOPES
    return _reply(call, client, TokenUse.USER, session.user_id, scopes, session)


def _reply(
    call: Call,
    client: Client,
    use: TokenUse,
    subject: str,
    scopes: Iterable[str],
    session: Session | None = None,
) -> IssuedToken:
    """A new token, and with it, where there is a session, the refresh token."""
    authority = call.authority
    assert authority.issuer is not None  # noqa: S101  # looked at before anything was spent
    token = authority.issuer.issue(
        partners=[call.partner],
        subject=subject,
        use=use,
        scopes=scopes,
        now=call.now.timestamp(),
        ttl=authority.token_seconds,
        domain=client.domain if use is TokenUse.CLIENT else None,
        ties=Ties(session.refresh_token.session_id, client.id, session.token_id)
        if session is not None
        else Ties(random_id(), client.id, random_id()),
    )
    return IssuedToken(
        access_token=token,
        token_type="bearer",  # noqa: S106  # the kind of token, as RFC 6750 has it
        expires_in=authority.token_seconds,
        expires_at=call.now + timedelta(seconds=authority.token_seconds),
        scope=" ".join(sorted(scopes)),
        refresh_token=session.refresh_token.text if session is not None else None,
        refresh_token_expires_in=authority.refresh_seconds if session is not None else None,
        refresh_token_expires_at=session.refresh_expires_at if session is not None else None,
    )
