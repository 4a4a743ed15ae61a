"""The public keys of an identity provider, over HTTP."""

from urllib.parse import urlsplit

import httpx2

from tracbridge.domain.errors import RetryableError

SECONDS = 5.0
LARGEST = 256 * 1024
"""Bytes of a key set; a real one has a few thousand."""

OK = 200


async def fetch(url: str) -> bytes:
    """The body of the answer. Follows no redirect and uses no proxy of the environment.

    Raises `RetryableError` where there is none, or one that is too large.
    """
    host = urlsplit(url).hostname
    try:
        async with (
            httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != OK:
                raise RetryableError(f"{host} answers {answer.status_code} for its key set.")
            return await _body(answer, str(host))
    except httpx2.HTTPError as error:
        raise RetryableError(f"{host} gives no key set ({type(error).__name__}).") from error


async def _body(answer: httpx2.Response, host: str) -> bytes:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LARGEST:
            raise RetryableError(f"{host} sends a key set of more than {LARGEST} bytes.")
    return body
