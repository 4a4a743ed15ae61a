"""Log in at an identity provider: authorization code flow of OpenID Connect with PKCE.

The browser is sent there and comes back with a code, which we turn into an ID token ourselves. What
a log-in was begun with is kept here, counts once, and only for the browser that began it.
"""

import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.api.context import Caller
from tracbridge.api.oidc import NoRoleError, Oidc, Provider, RefusedError, Source, is_safe
from tracbridge.bootstrap.identity import document, exchange
from tracbridge.dashboard.sessions import secret
from tracbridge.domain.errors import RetryableError

WITHIN = 600.0
"""Seconds in which somebody has to come back."""

MOST = 10_000
"""Log-ins that are begun at one time; the oldest one makes room."""

FRESH = 3_600.0
"""Seconds for which the discovery document is kept."""

OK = 200

CODE = re.compile(r"[a-z_]{1,60}")
"""An error's code as OAuth and OpenID Connect have them."""

BASIC, POST = "client_secret_basic", "client_secret_post"

AWAY = "The identity provider does not answer just now. Try again in a moment."
STRANGE = "This log-in was not begun in this browser, or too long ago. Try again."
DENIED = "The identity provider did not let you in ({code})."
WRONG = (
    "The identity provider's answer was not accepted. Try again; if it stays so, the service's log "
    "says why (access.refused)."
)
NO_ROLE = (
    "You are known to the identity provider, but have no role here: ask whoever looks after it for "
    "one."
)


class NotLetInError(Exception):
    """A log-in that came to nothing. ``shown``: in words for whoever wanted in, which leak nothing;
    ``why``: for the log.
    """

    def __init__(self, shown: str, why: str, status: int = 401) -> None:
        super().__init__(why)
        self.shown, self.why, self.status = shown, why, status


class Place(Struct, frozen=True):
    """Where the provider is asked, as its discovery document says. ``basic``: it takes our secret
    in a header; ``names``: it says in its answers whose they are.
    """

    authorize: str
    token: str
    basic: bool
    names: bool


class Begun(Struct, frozen=True):
    """One log-in that was begun. ``back``: where he comes back to; ``after``: where he goes on."""

    nonce: str
    verifier: str
    back: str
    after: str
    until: float


class Redirect:
    """Log-ins at one provider, which has a ``client_id`` for us. ``clock``: seconds that never go
    back.
    """

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider, self._clock = provider, clock
        # An ID token is made for the client, not for the API.
        self._oidc = Oidc(replace(provider, audience=provider.client_id), clock)
        self._begun: dict[str, Begun] = {}
        self._place: Place | None = None
        self._read = float("-inf")

    @property
    def host(self) -> str:
        """What people know the provider by."""
        return urlsplit(self._provider.issuer).hostname or self._provider.issuer

    async def begin(self, back: str, after: str) -> tuple[str, str]:
        """Where to send the browser, and the state that it has to keep until it comes back.

        Raises `NotLetInError` where the provider does not answer.
        """
        try:
            place = await self._found()
        except RetryableError as error:
            raise NotLetInError(AWAY, str(error), 503) from None
        state, now = secret(), self._clock()
        one = Begun(secret(), secret() + secret(), back, after, now + WITHIN)
        self._begun = {known: old for known, old in self._begun.items() if old.until > now}
        while len(self._begun) >= MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[state] = one
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": back,
            "scope": self._provider.scope,
            "state": state,
            "nonce": one.nonce,
            "code_challenge": challenge(one.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(place.authorize).query else "?"
        return f"{place.authorize}{joint}{urlencode(asked)}", state

    async def finish(
        self, answer: Mapping[str, str], kept: str, source: Source
    ) -> tuple[Caller, str]:
        """Who came back, and where he wants to go. ``answer``: what the provider sent with him;
        ``kept``: the state that his browser shows. Raises `NotLetInError`.
        """
        state = answer.get("state", "")
        if not kept or not hmac.compare_digest(state.encode("utf-8", "replace"), kept.encode()):
            raise NotLetInError(STRANGE, "log-in: the state is not the browser's", 400)
        one = self._begun.pop(state, None)
        if one is None or one.until < self._clock():
            raise NotLetInError(STRANGE, "log-in: it is over, or was never begun", 400)
        try:
            return await self._caller(answer, one, source), one.after
        except RetryableError as error:
            raise NotLetInError(AWAY, f"log-in: {error}", 503) from None
        except NoRoleError as error:
            raise NotLetInError(NO_ROLE, f"log-in: {error}", 403) from None
        except RefusedError as error:
            raise NotLetInError(WRONG, f"log-in: {error}") from None

    async def _caller(self, answer: Mapping[str, str], one: Begun, source: Source) -> Caller:
        place = await self._found()
        whose = answer.get("iss", "" if place.names else self._provider.issuer)
        if whose != self._provider.issuer:
            raise RefusedError("the answer is of another provider")
        if "error" in answer:
            code = word(answer["error"])
            raise NotLetInError(DENIED.format(code=code), f"log-in: the provider says {code}", 403)
        token = await self._id_token(place, answer.get("code", ""), one)
        return await self._oidc.person(token, source, one.nonce)

    async def _id_token(self, place: Place, code: str, one: Begun) -> str:
        if not code:
            raise RefusedError("the provider sent no code")
        ours, login = self._provider, None
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": one.back,
            "code_verifier": one.verifier,
            "client_id": ours.client_id,
        }
        if ours.client_secret and place.basic:
            login = (ours.client_id, ours.client_secret)
        elif ours.client_secret:
            fields["client_secret"] = ours.client_secret
        status, body = await exchange(place.token, fields, login)
        told = parsed(body)
        if status != OK:
            raise RefusedError(f"the code gave no token: {status} {word(told.get('error'))}")
        token = told.get("id_token")
        if not isinstance(token, str):
            raise RefusedError("the provider gave no ID token")
        return token

    async def _found(self) -> Place:
        """The provider's addresses. Raises `RetryableError` where it does not say them."""
        if self._place is None or self._clock() >= self._read + FRESH:
            url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                self._place = place_of(parsed(await document(url)), self._provider.issuer)
                self._read = self._clock()
            except RetryableError:
                if self._place is None:
                    raise
        return self._place


def place_of(said: Mapping[str, Any], issuer: str) -> Place:
    """What a discovery document says. Raises `RetryableError` where it is not that of this issuer,
    or names an address that is not safe.
    """
    if said.get("issuer") != issuer:
        raise RetryableError("The discovery document is that of another issuer.")
    authorize, token = said.get("authorization_endpoint"), said.get("token_endpoint")
    for url in (authorize, token):
        if not isinstance(url, str) or not is_safe(url):
            raise RetryableError("The discovery document names an address that is not https.")
    ways = said.get("token_endpoint_auth_methods_supported", [BASIC])
    basic = not isinstance(ways, list) or BASIC in ways or POST not in ways
    names = said.get("authorization_response_iss_parameter_supported") is True
    return Place(str(authorize), str(token), basic, names)


def parsed(body: bytes) -> Mapping[str, Any]:
    """A JSON object; an empty one where it is none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def challenge(verifier: str) -> str:
    """What proves later that it was us who began (PKCE, S256)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def word(code: object) -> str:
    """An error's code, where it is one: nothing else that came from outside is shown."""
    text = str(code)
    return text if CODE.fullmatch(text) else "unknown error"
