"""How identity providers are asked when somebody logs in, for those who know no adapter."""

from tracbridge.adapters.identity import document, exchange

__all__ = ["document", "exchange"]
