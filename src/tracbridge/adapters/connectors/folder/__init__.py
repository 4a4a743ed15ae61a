"""A customer that exchanges JSON files over two folders."""

from tracbridge.adapters.connectors.folder.connector import FolderConnector
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode

__all__ = ["FolderConnector", "FolderSettings", "InboundMode"]
