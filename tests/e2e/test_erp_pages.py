"""Pages that are odd: records of others, records that are none, links elsewhere, rows that move."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Server
from tracbridge.testing.erp import Clock, Elsewhere, Strike

SMALL = "also: {read: {size: 10}}"
"""Pages of ten records."""


def spoilt(one: Member, *, nameless: str, no_object: str = "") -> None:
    """His API shows one record without its key, and one as no object."""
    drifted, name = one.sim._drifted, one.sim.KEY

    def shown(record: Any) -> Any:
        found = drifted(record)
        if record[name] == nameless:
            return {key: value for key, value in found.items() if key != name}
        return found if record[name] != no_object else "no record at all"

    one.sim._drifted = shown  # type: ignore[method-assign]


# -- records that are none of his ------------------------------------------------------------------


def test_records_that_are_none_are_in_quarantine_with_their_bytes_and_the_rest_is_done(
    replica_set: Server, tmp_path: Path
) -> None:
    """Another company's, one without its key, one that is no object."""
    own = {
        "erpnext": "expect: {company: Acme}",
        "maximo": "expect: {siteid: BEDFORD}",
        "sap_pm": 'expect: {CompanyCode: "1710"}',
    }
    with erps(replica_set, tmp_path, own=own) as fleet:
        keys = {one.name: one.sim.plant(6) for one in fleet}
        for one in fleet:
            second, third = (one.sim.record(key)[one.sim.KEY] for key in keys[one.name][1:3])
            no_object = third if one.name in ("odoo", "erpnext") else ""
            spoilt(one, nameless=second, no_object=no_object)
            one.sim.faults.foreign_row = Strike(after=1, times=1)
        done = fleet.run(codes=(3,))
        for one in fleet:
            print(one.name, done[one.name])
            for case in one.cases:
                print("   ", case)
            print(fleet.cli("quarantine", "list", "--connection", one.name).out)
