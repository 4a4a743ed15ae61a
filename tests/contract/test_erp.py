"""A connector through a network fulfils the contract, with every kind of trouble there is."""

import inspect

from tests.contract.erp import Erp, ErpContract
from tracbridge.testing import hands


class TestErpConnector(ErpContract):
    page = 3


class TestErpConnectorInLargePages(ErpContract):
    page = 500


def test_the_erp_can_do_everything_that_hands_can_do_but_read_versions_and_talk() -> None:
    kinds = [kind for _, kind in inspect.getmembers(hands, inspect.isclass)]
    known = {kind.__name__ for kind in kinds if getattr(kind, "_is_runtime_protocol", False)}
    able = {k.__name__ for k in kinds if k.__name__ in known and isinstance(Erp(), k)}
    assert known - able == {"Reader", "Talks"}
