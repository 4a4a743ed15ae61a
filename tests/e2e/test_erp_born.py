"""Orders that TracOS had first, in ERPs: their later life is as that of any other."""

from pathlib import Path

from tests.e2e.test_erp import document
from tests.e2e.trouble import erps
from tests.harness import Server

LIFE = (
    {"description": "Written before he was read again"},
    {"status": "completed"},
    {"description": "Written when it was done"},
    {"status": "in_progress"},
    {"description": "Written when it was opened again"},
)


def test_an_order_that_tracos_made_is_changed_by_tracos_as_any_other(
    replica_set: Server, tmp_path: Path
) -> None:
    """Also where a status is changed by calls of its own, and he has shown none since we did."""
    with erps(replica_set, tmp_path) as fleet:
        for one in fleet:
            one.plant(document(7))
        fleet.run()
        for change in LIFE:
            for one in fleet:
                one.change(7, **change)
            done = fleet.run()
            for one in fleet:
                (key,) = one.keys
                assert done[one.name]["outbound"]["delivered"] >= 1, (one.name, change)
                document_ = one.by_number(7) or {}
                assert one.says(key) == (document_["description"],) * 2
                one.whole()
        fleet.rests()
