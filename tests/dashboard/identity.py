"""A small identity provider (OpenID Connect) on this machine, which lets everybody in as ana."""

import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tracbridge.testing.erp.serving import serve

KEY, OTHER = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))
CLIENT, SECRET = "bridge", "s3cret/of:ours"


@dataclass
class Identity:
    """What it does differently: ``claims`` over those of a good ID token (... leaves one out),
    ``document`` over its discovery document, ``answer`` over what it sends the browser back with.
    """

    address: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)
    secret: str = SECRET
    key: RSAKey = field(default_factory=lambda: KEY)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    status: int = 200
    seen: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """How the service is told of it."""
        said = {
            "ISSUER": self.address,
            "AUDIENCE": "api",
            "JWKS_URL": f"{self.address}/jwks",
            "CLIENT_ID": CLIENT,
            **({"CLIENT_SECRET": self.secret} if self.secret else {}),
        }
        return {f"TRACBRIDGE_OIDC_{name}": value for name, value in said.items()}

    async def discovery(self, request: Request) -> Response:
        self.seen.append("discovery")
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize?realm=one",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            **self.document,
        }
        return JSONResponse(told, self.status)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"], **self.answer}
        left = {name: value for name, value in told.items() if value}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(left)}", 302)

    async def token(self, request: Request) -> Response:
        self.seen.append("token")
        given = {
            name: value for name, (value,) in parse_qs((await request.body()).decode()).items()
        }
        asked = self.codes.pop(given.get("code", ""), None)
        digest = sha256(given.get("code_verifier", "").encode()).digest()
        proof = urlsafe_b64encode(digest).decode().rstrip("=")
        good = (
            asked is not None
            and asked["code_challenge"] == proof
            and asked["code_challenge_method"] == "S256"
            and asked["redirect_uri"] == given["redirect_uri"]
            and given["grant_type"] == "authorization_code"
            and self._is_client(request, given)
        )
        if not good or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"id_token": self.signed(asked["nonce"]), "token_type": "Bearer"})

    def _is_client(self, request: Request, given: dict[str, str]) -> bool:
        header = request.headers.get("authorization", "")
        if header.startswith("Basic "):
            name, _, secret = b64decode(header[6:]).decode().partition(":")
            return name == CLIENT and secret == quote(SECRET, safe="")
        return given["client_id"] == CLIENT and given.get("client_secret", "") == self.secret

    def signed(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": "u-1",
            "preferred_username": "ana",
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "tracbridge_role": "operator",
            "tracbridge_tenants": ["acme"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key, algorithms=["RS256"])

    async def jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})


@asynccontextmanager
async def identity(**how: Any) -> AsyncIterator[Identity]:
    """It, at an address of its own."""
    one = Identity(**how)
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", one.discovery),
            Route("/authorize", one.authorize),
            Route("/token", one.token, methods=["POST"]),
            Route("/jwks", one.jwks),
        ]
    )
    async with serve(app) as address:
        one.address = address
        yield one
