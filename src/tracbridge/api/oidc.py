"""Tokens of an identity provider (OpenID Connect): signed by its keys, made for us, still valid."""

import asyncio
import hmac
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry, extract_compact
from msgspec import Struct

from tracbridge.config.names import nearest
from tracbridge.domain.errors import RetryableError, SettingError, shown
from tracbridge.ports.access import Caller, Role

ALGORITHMS = ("RS256", "ES256")
"""Neither ``none`` nor one whose secret we would share with the provider."""

LEEWAY = 60
"""Seconds by which clocks may differ."""

FRESH = 300.0
"""Seconds for which the provider's keys are kept."""

STALE = 3_600.0
"""Seconds for which they count while the provider does not answer."""

SPARING = 30.0
"""Least seconds between two times that we ask the provider."""

STRONG = 2_048
"""Bits of an RSA key."""

EVERYBODY = "*"
"""In the tenant claim: all tenants."""

PREFIX = "TRACBRIDGE_OIDC_"
NEEDED = ("ISSUER", "AUDIENCE", "JWKS_URL")
OPTIONAL = {"ROLE_CLAIM": "tracbridge_role", "TENANT_CLAIM": "tracbridge_tenants"}
LOGIN = ("CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE", "SCOPE")
SCOPE = "openid profile"

LARGEST = 65_536
"""Bytes of a file with a secret."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

WRONG = (JoseError, ValueError, TypeError, RecursionError)
"""What a token that somebody has made up may raise."""


class RefusedError(Exception):
    """A credential that opens nothing; the text is for the log, never for the caller."""


class NoRoleError(RefusedError):
    """The credential is good, and names no role of ours."""


class Provider(Struct, frozen=True):
    """Whose tokens count, and where they say what their holder may.

    ``role_claim``: a role or a list of names among which one is; ``tenant_claim``: a tenant or a
    list of them, ``*`` is all. ``client_id``: as whom we send people there to log in, "" where we
    do not; ``client_secret``: "" for a client without one.
    """

    issuer: str
    audience: str
    jwks_url: str
    role_claim: str = OPTIONAL["ROLE_CLAIM"]
    tenant_claim: str = OPTIONAL["TENANT_CLAIM"]
    client_id: str = ""
    client_secret: str = ""
    scope: str = SCOPE

    def __repr__(self) -> str:
        return f"Provider({self.issuer!r})"


class Source(Protocol):
    """Fetches key sets."""

    async def key_set(self, url: str) -> bytes:
        """Raises `RetryableError`."""


def oidc_of(environ: Mapping[str, str]) -> "Oidc | None":
    """By ``TRACBRIDGE_OIDC_*``; None where none is set. Raises `SettingError`."""
    provider = provider_of(environ)
    return Oidc(provider) if provider else None


def provider_of(environ: Mapping[str, str]) -> Provider | None:
    """What the environment says; None where it says nothing. Raises `SettingError`."""
    start = len(PREFIX)
    given = {n[start:]: v.strip() for n, v in environ.items() if n.startswith(PREFIX) and v.strip()}
    if not given:
        return None
    known = (*NEEDED, *OPTIONAL, *LOGIN)
    for name in given:
        if name not in known:
            near = PREFIX + nearest(name, known)
            raise SettingError(f"{shown(PREFIX + name)} is no setting; the nearest is {near}.")
    if lacks := [PREFIX + name for name in NEEDED if name not in given]:
        raise SettingError(f"tokens of an identity provider need {' and '.join(lacks)} too.")
    if not is_safe(given["JWKS_URL"]):
        raise SettingError(
            f"{PREFIX}JWKS_URL={shown(given['JWKS_URL'])} is not accepted; it takes https://..."
        )
    file = given.pop("CLIENT_SECRET_FILE", "")
    _refuse_half_a_login(given, file)
    if file:
        given["CLIENT_SECRET"] = _secret_in(file)
    return Provider(**{name.lower(): value for name, value in given.items()})


def is_safe(url: str) -> bool:
    """Nobody between us and that address can read or change what is said."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or plain)


def _refuse_half_a_login(given: Mapping[str, str], file: str) -> None:
    """Raises `SettingError` for a log-in by redirect that is not whole."""
    said = [name for name in LOGIN if name in given or (file and name == "CLIENT_SECRET_FILE")]
    if said and "CLIENT_ID" not in given:
        raise SettingError(f"{PREFIX}{said[0]} needs {PREFIX}CLIENT_ID too.")
    if file and "CLIENT_SECRET" in given:
        raise SettingError(
            f"{PREFIX}CLIENT_SECRET and {PREFIX}CLIENT_SECRET_FILE are both set: keep one."
        )
    if said and not is_safe(given["ISSUER"]):
        raise SettingError(
            f"{PREFIX}ISSUER={shown(given['ISSUER'])} is not accepted for a log-in; it takes "
            "https://..."
        )
    if "openid" not in given.get("SCOPE", SCOPE).split():
        raise SettingError(f"{PREFIX}SCOPE has to name openid; the default is {SCOPE!r}.")


def _secret_in(file: str) -> str:
    try:
        with Path(file).open(encoding="utf-8") as opened:
            text = opened.read(LARGEST).strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SettingError(f"{PREFIX}CLIENT_SECRET_FILE cannot be read: {why}.") from None
    if not text:
        raise SettingError(f"{PREFIX}CLIENT_SECRET_FILE is empty.")
    return text


class Oidc:
    """Callers by their tokens. ``clock``: seconds that never go back."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider, self._clock = provider, clock
        self._keys = KeySet([])
        self._fetched, self._sparing = float("-inf"), float("-inf")
        self._one_at_a_time = asyncio.Lock()
        self._registry = JWSRegistry(algorithms=list(ALGORITHMS))

    async def caller(self, token: str, source: Source) -> Caller:
        """Who holds the token. Raises `RefusedError`; `RetryableError` where the provider's keys
        cannot be had.
        """
        claims = await self._valid(token, source)
        return self._caller(claims, f"{str(claims['sub'])[:200]} (token)")

    async def person(self, token: str, source: Source, nonce: str) -> Caller:
        """Who has logged in, by an ID token that was made for us as the client, and for this very
        log-in. Raises as `caller`; `NoRoleError` where he is known, and may do nothing here.
        """
        claims, client = await self._valid(token, source), self._provider.audience
        shown_ = str(claims.get("nonce", "")).encode("utf-8", "replace")
        if not hmac.compare_digest(shown_, nonce.encode()):
            raise RefusedError("ID token: it was made for another log-in")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client) != client:
            raise RefusedError("ID token: it was made for another client")
        return self._caller(claims, named_person(claims))

    async def _valid(self, token: str, source: Source) -> dict[str, Any]:
        claims = await self._claims(token, source)
        try:
            self._rules().validate(claims)
        except JoseError as error:
            raise RefusedError(f"token: {error}") from None
        return claims

    def _caller(self, claims: Mapping[str, Any], name: str) -> Caller:
        roles = {role for role in Role if role.value in listed(claims, self._provider.role_claim)}
        if not roles:
            raise NoRoleError(f"token: {self._provider.role_claim} names no role")
        highest = next(role for role in reversed(Role) if role in roles)
        tenants = frozenset(listed(claims, self._provider.tenant_claim))
        return Caller(name, highest, None if EVERYBODY in tenants else tenants)

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=None,
            leeway=LEEWAY,
            iss={"essential": True, "value": self._provider.issuer},
            aud={"essential": True, "value": self._provider.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def _claims(self, token: str, source: Source) -> dict[str, Any]:
        """What a rightly signed token says. A key that is not known yet is looked for once more."""
        await self._refresh(source, anew=False)
        try:
            return self._decoded(token)
        except RefusedError:
            if not self._is_strange(token):
                raise
        await self._refresh(source, anew=True)
        return self._decoded(token)

    def _decoded(self, token: str) -> dict[str, Any]:
        try:
            found = jwt.decode(token, self._keys, ALGORITHMS, registry=self._registry)
        except WRONG as error:
            raise RefusedError(f"token: {type(error).__name__}: {str(error)[:200]}") from None
        return found.claims

    def _is_strange(self, token: str) -> bool:
        """It names a key that is not among those that we know."""
        try:
            kid = extract_compact(token.encode(), registry=self._registry).headers().get("kid")
        except WRONG:
            return False
        return isinstance(kid, str) and kid not in {key.kid for key in self._keys.keys}

    async def _refresh(self, source: Source, *, anew: bool) -> None:
        """Fetch the keys where those that we know are old, or in any case. While the provider does
        not answer they stay for a while; nobody makes us ask it more often than every `SPARING`.
        """
        async with self._one_at_a_time:
            now = self._clock()
            if now >= self._sparing and (anew or now >= self._fetched + FRESH):
                self._sparing = now + SPARING
                try:
                    self._keys = key_set(await source.key_set(self._provider.jwks_url))
                    self._fetched = now
                except RetryableError:
                    if now >= self._fetched + STALE:
                        raise
            if now >= self._fetched + STALE:
                raise RetryableError("The identity provider's keys cannot be had just now.")


def key_set(body: bytes) -> KeySet:
    """The provider's keys that we can use. Raises `RetryableError` where there is none."""
    try:
        said = json.loads(body)
        keys: list[Key] = [key for one in said["keys"] if (key := usable(one))]
    except (ValueError, TypeError, LookupError, RecursionError):
        keys = []
    if not keys:
        raise RetryableError("The identity provider publishes no key that could be used.")
    return KeySet(keys)


def usable(one: Mapping[str, Any]) -> RSAKey | ECKey | None:
    """A public key for one of `ALGORITHMS`; None for any other."""
    try:
        if one["kty"] == "RSA" and one.get("alg", "RS256") == "RS256":
            if len(one["n"]) * 6 < STRONG:
                return None
            return RSAKey.import_key({name: one[name] for name in ("kty", "n", "e")}, named(one))
        if one["kty"] == "EC" and one["crv"] == "P-256":
            return ECKey.import_key({n: one[n] for n in ("kty", "crv", "x", "y")}, named(one))
    except (*WRONG, LookupError):
        return None
    return None


def named_person(claims: Mapping[str, Any]) -> str:
    """What stands in the audit: the id that stays the same, and beside it a name for people."""
    sub = str(claims["sub"])[:100]
    for name in ("preferred_username", "email", "name"):
        word = claims.get(name)
        if word and isinstance(word, str):
            return f"{word[:100]} (log-in {sub})"
    return f"{sub} (log-in)"


def named(one: Mapping[str, Any]) -> Any:
    """What a key says of itself, and what it is for."""
    return {"use": one.get("use", "sig"), **({"kid": one["kid"]} if "kid" in one else {})}


def listed(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim that is one word or a list of them."""
    value = claims.get(name, [])
    many = [value] if isinstance(value, str) else value
    return [one for one in many if isinstance(one, str)] if isinstance(many, list) else []
