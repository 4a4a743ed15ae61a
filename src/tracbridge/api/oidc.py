"""Tokens of an identity provider (OpenID Connect): signed by its keys, made for us, still valid."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
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

LOOPBACK = ("127.0.0.1", "::1", "localhost")

WRONG = (JoseError, ValueError, TypeError, RecursionError)
"""What a token that somebody has made up may raise."""


class RefusedError(Exception):
    """A credential that opens nothing; the text is for the log, never for the caller."""


class Provider(Struct, frozen=True):
    """Whose tokens count, and where they say what their holder may.

    ``role_claim``: a role or a list of names among which one is; ``tenant_claim``: a tenant or a
    list of them, ``*`` is all.
    """

    issuer: str
    audience: str
    jwks_url: str
    role_claim: str = OPTIONAL["ROLE_CLAIM"]
    tenant_claim: str = OPTIONAL["TENANT_CLAIM"]


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
    known = (*NEEDED, *OPTIONAL)
    for name in given:
        if name not in known:
            near = PREFIX + nearest(name, known)
            raise SettingError(f"{shown(PREFIX + name)} is no setting; the nearest is {near}.")
    if lacks := [PREFIX + name for name in NEEDED if name not in given]:
        raise SettingError(f"tokens of an identity provider need {' and '.join(lacks)} too.")
    url = urlsplit(given["JWKS_URL"])
    if not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        raise SettingError(
            f"{PREFIX}JWKS_URL={shown(given['JWKS_URL'])} is not accepted; it takes https://..."
        )
    return Provider(**{name.lower(): value for name, value in given.items()})


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
        claims = await self._claims(token, source)
        try:
            self._rules().validate(claims)
        except JoseError as error:
            raise RefusedError(f"token: {error}") from None
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        roles = {role for role in Role if role.value in listed(claims, self._provider.role_claim)}
        if not roles:
            raise RefusedError(f"token: {self._provider.role_claim} names no role")
        highest = next(role for role in reversed(Role) if role in roles)
        tenants = frozenset(listed(claims, self._provider.tenant_claim))
        name = f"{str(claims['sub'])[:200]} (token)"
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


def named(one: Mapping[str, Any]) -> Any:
    """What a key says of itself, and what it is for."""
    return {"use": one.get("use", "sig"), **({"kid": one["kid"]} if "kid" in one else {})}


def listed(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim that is one word or a list of them."""
    value = claims.get(name, [])
    many = [value] if isinstance(value, str) else value
    return [one for one in many if isinstance(one, str)] if isinstance(many, list) else []
