"""What is asked of an identity provider when somebody logs in, over HTTP."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import httpx2

from tracbridge.domain.errors import RetryableError

SECONDS = 5.0
LARGEST = 256 * 1024
"""Bytes of an answer; a real one has a few thousand."""

OK = 200
OURS = 500
"""From this status on the fault is the provider's."""


async def document(url: str) -> bytes:
    """The discovery document. Raises `RetryableError` where there is none just now."""
    status, body = await _asked("GET", url, {}, None)
    if status != OK:
        raise RetryableError(
            f"{urlsplit(url).hostname} answers {status} for its discovery document."
        )
    return body


async def exchange(
    url: str, fields: Mapping[str, str], login: tuple[str, str] | None
) -> tuple[int, bytes]:
    """What the token endpoint answers: status and body. ``login``: client id and secret, sent in
    the header, None where the form has them or there is no secret.

    Raises `RetryableError` where there is no answer, or one that says that it is the server's
    fault.
    """
    status, body = await _asked("POST", url, fields, login)
    if status >= OURS:
        raise RetryableError(f"{urlsplit(url).hostname} answers {status} for a token.")
    return status, body


async def _asked(
    method: str, url: str, fields: Mapping[str, str], login: tuple[str, str] | None
) -> tuple[int, bytes]:
    """Follows no redirect and uses no proxy of the environment."""
    host = urlsplit(url).hostname
    # As OAuth 2 says: both are encoded as in a form before they are joined.
    auth = httpx2.BasicAuth(*(quote(part, safe="") for part in login)) if login else None
    try:
        async with (
            httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream(
                method,
                url,
                data=dict(fields) or None,
                headers={"Accept": "application/json"},
                auth=auth,
            ) as answer,
        ):
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise RetryableError(f"{host} answers with more than {LARGEST} bytes.")
            return answer.status_code, body
    except httpx2.HTTPError as error:
        raise RetryableError(f"{host} does not answer ({type(error).__name__}).") from error
