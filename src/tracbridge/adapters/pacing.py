"""The paces of this process, on its real clock, for the connectors that call over a network."""

import asyncio
import random
import time

from tracbridge.resilience.paces import Paces

PACES = Paces(time.monotonic, asyncio.sleep, random.random)
"""Kept for as long as the process lives: a connection that begins anew goes on at its pace."""
