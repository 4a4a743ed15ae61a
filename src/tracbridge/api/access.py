"""Who is let in, and by what: an API key, or a token of an identity provider."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from fastapi import Request
from starlette.requests import HTTPConnection

from tracbridge.api import keys
from tracbridge.api.context import Caller
from tracbridge.api.limits import Limiter, address, refused, too_many
from tracbridge.api.oidc import Oidc, RefusedError, oidc_of
from tracbridge.api.problem import ProblemError
from tracbridge.bootstrap.hosting import Hosted, said
from tracbridge.domain.errors import RetryableError

LONGEST = 8_192
"""Characters of a credential."""

NOTED = timedelta(minutes=1)
"""How exactly the last use of a key is on record."""

NOBODY = "The credential is not known, or does not count any more."


class Keys:
    """Knows callers by ``Authorization: Bearer``.

    ``environ``: where the identity provider is named; else the environment and ``.env``. Raises
    `SettingError` where that is not whole. ``each``: requests of one caller; ``failed``: refused
    credentials of one address.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        each: Limiter | None = None,
        failed: Limiter | None = None,
    ) -> None:
        self._oidc: Oidc | None = oidc_of(said() if environ is None else environ)
        self._each = each or Limiter(50.0, 200)
        self._failed = failed or Limiter(0.5, 20)

    async def caller(self, request: Request) -> Caller:
        """Raises `ProblemError`: 401 where it is nobody, 429 where it is too often."""
        hosted: Hosted = request.app.state.hosted
        try:
            caller = await self.of(hosted, shown(request))
        except RefusedError as error:
            raise self._refusal(request, str(error)) from None
        if wait := self._each.take(caller.name):
            raise too_many(wait, "This credential has asked too often")
        return caller

    async def of(self, hosted: Hosted, credential: str) -> Caller:
        """Whose credential it is. Raises `RefusedError` where it is nobody's; the errors of
        `Hosted.home`.
        """
        if len(credential) > LONGEST:
            raise RefusedError("it is too long")
        if credential.startswith(keys.PREFIX):
            return await self._of_key(hosted, credential)
        if self._oidc and credential.count(".") == 2:  # noqa: PLR2004 (the parts of a token)
            return await self._oidc.caller(credential, hosted)
        raise RefusedError("it is neither an API key nor a token that could count")

    async def _of_key(self, hosted: Hosted, text: str) -> Caller:
        store, pepper, now = await hosted.keys(), await hosted.pepper(), hosted.now()
        id_ = keys.id_of(text)
        found = await store.find(id_) if id_ else None
        key, kept = found or (None, b"")
        # Made and compared in any case: the time does not tell whether there is such an id.
        if not keys.same(keys.digest(pepper, text), kept) or key is None:
            raise RefusedError("no key is like it")
        if not key.counts(now):
            raise RefusedError(f"key {key.id} is {'revoked' if key.revoked else 'expired'}")
        if key.used is None or now - key.used > NOTED:
            with suppress(RetryableError):  # it only notes, and may be late
                await store.touch(key.id, now)
        return Caller(f"{key.name} (key {key.id})", key.role, key.tenants)

    def _refusal(self, request: HTTPConnection, why: str) -> ProblemError:
        """Who fails too often is told to wait; good credentials of his address go on counting."""
        refused(request, why)
        if wait := self._failed.take(address(request)):
            return too_many(wait, "Too many refused credentials came from your address")
        challenge = {"WWW-Authenticate": 'Bearer realm="tracbridge"'}
        return ProblemError(401, "Who are you?", NOBODY, headers=challenge)


def shown(request: HTTPConnection) -> str:
    """The credential of a request. Raises `RefusedError` where it has none, `ProblemError` 400
    where it has several.
    """
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise ProblemError(400, "Said twice", "The header authorization may stand only once.")
    scheme, _, credential = (headers[0] if headers else "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise RefusedError("no API key and no token came with it")
    return credential.strip()
