"""The interfaces that are shipped, spoken over real HTTP with the systems that they are for."""

import pytest
from msgspec.structs import replace

from tests.contract.companies import COMPANIES, ZONE, Company, site
from tests.mappings import mapping
from tracbridge.config.mappings import preset
from tracbridge.sdk import (
    BusyError,
    Receipt,
    Record,
    RecordError,
    StaleWriteError,
    UnknownOutcomeError,
    Write,
)
from tracbridge.testing.erp.faults import Late, Strike

each_company = pytest.mark.parametrize("company", COMPANIES, ids=lambda one: one.preset)
SMALL = {"read": {"size": 3}}


def created(company: Company, key: str = "key-1") -> Write:
    return Write(key, company.new, "88123")


def changed(company: Company, read: Record, key: str = "key-2") -> Write:
    """A change of one key of a record that was read."""
    name, value = company.change
    assert read.body is not None
    body = {k: v[0] if isinstance(v, list) and k != "worklog" else v for k, v in read.body.items()}
    return Write(key, {**body, name: value}, "88123", replace(read, body=body))


@each_company
async def test_a_company_lets_us_in(company: Company) -> None:
    async with site(company) as here:
        await here.connector.check()


@each_company
async def test_every_record_is_read_once_over_many_pages(company: Company) -> None:
    async with site(company, also=SMALL) as here:
        keys = here.erp.plant(10)
        pages = await here.pages()
        read = [record for page in pages for record in page.records]
        assert [record.error for record in read if record.error] == []
        assert len({record.ref for record in read}) == len(read) == len(keys)
        assert [page.complete for page in pages][-1]


@each_company
async def test_records_of_one_moment_are_all_read_over_many_pages(company: Company) -> None:
    async with site(company, also=SMALL) as here:
        here.erp.clock = type(here.erp.clock)(tick=0.0)
        here.erp.plant(10)
        assert len(await here.read()) == 10
        last = (await here.pages())[-1].cursor
        assert len(await here.read(last)) == 10


@each_company
async def test_only_changes_are_read_from_a_cursor_on(company: Company) -> None:
    async with site(company) as here:
        keys = here.erp.plant(10)
        here.erp.clock.advance(3600)
        here.erp.plant(1)
        cursor = (await here.pages())[-1].cursor
        here.erp.clock.advance(3600)
        name, value = company.change
        here.erp.edit(keys[3], **{name: value})
        read = await here.read(cursor)
        assert [r.body[name] for r in read if r.body and r.body[name] == value] == [value]
        assert len(read) <= 2


@each_company
async def test_a_new_order_is_made_once_and_carries_our_number(company: Company) -> None:
    async with site(company) as here:
        (receipt,) = await here.connector.write([created(company)])
        assert isinstance(receipt, Receipt), receipt
        (again,) = await here.connector.write([created(company)])
        (found,) = await here.connector.probe([created(company)])
        assert found is not None
        assert (
            receipt.ref == found.ref == (again.ref if isinstance(again, Receipt) else receipt.ref)
        )
        assert len(here.erp.records()) == 1
        assert str(here.erp.records()[0][_number(company)]) == "88123"


def _number(company: Company) -> str:
    return "MaintenanceOrder" if company.preset == "sap_pm" else company.simulator.NUMBER


@each_company
async def test_a_receipt_has_the_version_that_is_read_afterwards_or_none(company: Company) -> None:
    async with site(company) as here:
        (receipt,) = await here.connector.write([created(company)])
        (read,) = await here.read()
        assert isinstance(receipt, Receipt)
        assert receipt.ref == read.ref
        assert receipt.version in {read.version, ""}
        (receipt,) = await here.connector.write([changed(company, read)])
        (read,) = await here.read()
        assert isinstance(receipt, Receipt), receipt
        assert receipt.ref == read.ref
        assert receipt.version in {read.version, ""}


@each_company
async def test_a_change_is_written_and_nothing_where_nothing_differs(company: Company) -> None:
    async with site(company) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        assert read.body is not None
        write = changed(company, read)
        (receipt,) = await here.connector.write([write])
        assert isinstance(receipt, Receipt), receipt
        name, value = company.change
        assert here.erp.records()[0][name] == value
        same = replace(write, replaces=replace(read, body=write.body))
        before = here.erp.requests.total
        assert isinstance((await here.connector.write([same]))[0], Receipt)
        assert here.erp.requests.total == before


@each_company
async def test_a_stale_write_is_refused(company: Company) -> None:
    async with site(company) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        here.erp.edit(key, **{company.change[0]: "theirs"})
        (answer,) = await here.connector.write([changed(company, read)])
        assert isinstance(answer, StaleWriteError)
        assert here.erp.records()[0][company.change[0]] == "theirs"


@each_company
async def test_a_write_without_a_known_version_is_refused_where_he_changed_the_same(
    company: Company,
) -> None:
    async with site(company) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        unknown = replace(read, version="")
        here.erp.edit(key, **{company.change[0]: "theirs"})
        (answer,) = await here.connector.write([changed(company, unknown)])
        assert isinstance(answer, StaleWriteError)


@each_company
async def test_a_record_that_a_user_has_open_is_busy(company: Company) -> None:
    async with site(company) as here:
        keys = here.erp.plant(2)
        one, two = await here.read()
        here.erp.lock(keys[0])
        answers = await here.connector.write(
            [changed(company, one), changed(company, two, "key-3")]
        )
        assert [type(answer) for answer in answers] == [BusyError, Receipt]


@each_company
async def test_a_record_is_read_once_more(company: Company) -> None:
    async with site(company) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        (again,) = await here.connector.reread([read])
        assert again is not None
        assert (again.ref, again.version, again.source) == (read.ref, read.version, read.source)
        assert {**(again.body or {}), **(read.body or {})} == again.body
        here.erp.store.drop(key, here.erp.now())
        assert await here.connector.reread([read]) == [None]


@each_company
async def test_what_became_of_a_lost_answer_is_found_out(company: Company) -> None:
    async with site(company) as here:
        here.erp.faults.drop_reply = Strike(times=1, only=["create"])
        (answer,) = await here.connector.write([created(company)])
        assert isinstance(answer, UnknownOutcomeError)
        assert (await here.connector.probe([created(company)]))[0] is not None
        (read,) = await here.read()
        here.erp.faults.drop_reply = Strike(times=1, only=["update"])
        write = changed(company, read)
        (answer,) = await here.connector.write([write])
        assert isinstance(answer, UnknownOutcomeError)
        assert (await here.connector.probe([write]))[0] is not None


@each_company
async def test_what_never_took_effect_is_not_found(company: Company) -> None:
    async with site(company) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        here.erp.faults.slow_commit = Late(times=1, by=60)
        write = changed(company, read)
        (answer,) = await here.connector.write([write])
        assert isinstance(answer, UnknownOutcomeError)
        assert await here.connector.probe([write]) == [None]
        here.erp.clock.advance(61)
        assert (await here.connector.probe([write]))[0] is not None


@each_company
@pytest.mark.parametrize("fault", ["html", "truncated", "empty"])
async def test_an_answer_that_is_none_leaves_the_outcome_open(company: Company, fault: str) -> None:
    async with site(company) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        setattr(here.erp.faults, fault, Strike(times=1, only=["update"]))
        (answer,) = await here.connector.write([changed(company, read)])
        if isinstance(answer, Receipt):
            assert company.preset == "sap_pm"  # a 204 has no body that could be spoiled
            return
        assert isinstance(answer, UnknownOutcomeError), answer


@each_company
@pytest.mark.parametrize("fault", ["duplicate_rows", "reorder", "repeat_page"])
async def test_pages_that_are_out_of_order_lose_and_double_nothing(
    company: Company, fault: str
) -> None:
    async with site(company, also=SMALL) as here:
        here.erp.plant(20)
        setattr(here.erp.faults, fault, Strike(times=2, after=1))
        read = await here.read()
        assert len({record.ref for record in read}) == len(read) == 20


# -- what only one of them does ------------------------------------------------------------------

ODOO, SAP, MAXIMO, ERPNEXT = COMPANIES


async def test_odoo_keeps_a_request_blocked_when_its_stage_changes() -> None:
    async with site(ODOO) as here:
        here.erp.plant(1, kanban_state="blocked")
        (read,) = await here.read()
        write = changed(ODOO, read)
        assert write.body is not None
        moved = replace(write, body={**write.body, "stage_id": 2})
        assert isinstance((await here.connector.write([moved]))[0], Receipt)
        record = here.erp.records()[0]
        assert (record["stage_id"][0], record["kanban_state"]) == (2, "blocked")


async def test_odoo_reads_what_a_second_hides() -> None:
    async with site(ODOO, also=SMALL, fractions=True) as here:
        here.erp.clock = type(here.erp.clock)(tick=0.1)
        here.erp.plant(25)
        assert len(await here.read()) == 25
        cursor = (await here.pages())[-1].cursor
        assert len({record.ref for record in await here.read(cursor)}) == 25


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        ([], "release", "REL"),
        ([], "NOEX", "NOEX"),
        (["REL"], "TECO", "TECO"),
        (["REL"], "LKD", "LKD"),
        (["REL", "LKD"], "REL", "REL"),
        (["REL", "TECO"], "release", "REL"),
    ],
)
async def test_sap_is_brought_to_a_state_by_a_call(
    before: list[str], state: str, after: str
) -> None:
    async with site(SAP) as here:
        (key,) = here.erp.plant(1)
        for status in before:
            here.erp.set_status(key, status)
        (read,) = await here.read()
        write = changed(SAP, read)
        assert write.body is not None
        spelt = {**write.body, "SystemStatusText": after}
        wanted = replace(write, body=spelt, state=state)
        (receipt,) = await here.connector.write([wanted])
        assert isinstance(receipt, Receipt), receipt
        record = here.erp.records()[0]
        assert after in record["SystemStatusText"].split()
        assert record["MaintenanceOrderDesc"] == "Check the pump"
        assert (await here.connector.probe([wanted]))[0] is not None
        assert receipt.version == (await here.read())[0].version


async def test_sap_is_not_called_where_it_shows_the_state_already() -> None:
    async with site(SAP) as here:
        (key,) = here.erp.plant(1)
        here.erp.set_status(key, "REL")
        (read,) = await here.read()
        before = here.erp.requests.total
        write = Write("key-1", read.body, key, read, state="release")
        assert isinstance((await here.connector.write([write]))[0], Receipt)
        assert here.erp.requests.total == before


async def test_sap_is_not_told_of_a_status_that_no_call_leads_to() -> None:
    async with site(SAP) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        write = Write("key-1", {**(read.body or {}), "SystemStatusText": "CLSD"}, key, read)
        (answer,) = await here.connector.write([write])
        assert isinstance(answer, RecordError)
        assert answer.why.code == "not_writable"


async def test_sap_sets_and_takes_back_a_deletion_flag_by_calls_of_their_own() -> None:
    async with site(SAP) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        codes = str((read.body or {})["SystemStatusText"])
        flagged = {**(read.body or {}), "SystemStatusText": f"{codes} DLFL"}
        (receipt,) = await here.connector.write([Write("key-1", flagged, key, read)])
        assert isinstance(receipt, Receipt), receipt
        assert "DLFL" in here.erp.record(key)["SystemStatusText"]
        now = Record(flagged, key, receipt.version)
        (receipt,) = await here.connector.write([Write("key-2", read.body, key, now)])
        assert isinstance(receipt, Receipt), receipt
        assert "DLFL" not in here.erp.record(key)["SystemStatusText"]


async def test_sap_refuses_a_state_in_its_own_words() -> None:
    async with site(SAP) as here:
        (key,) = here.erp.plant(1)
        (read,) = await here.read()
        write = Write("key-1", read.body, key, read, state="TECO")
        (answer,) = await here.connector.write([write])
        assert isinstance(answer, RecordError)
        assert answer.why.code == "refused_by_customer"
        assert "Technically complete" in answer.why.reason


async def test_sap_orders_without_a_time_of_change_are_read_by_the_sweep() -> None:
    async with site(SAP, also=SMALL, change_dates="edited") as here:
        here.erp.plant(5)
        assert len(await here.read()) == 5
        here.erp.edit("4000000", MaintenanceOrderDesc="newer")
        cursor = (await here.pages())[-1].cursor
        here.erp.plant(1)
        assert "4000005" not in {record.ref for record in await here.read(cursor)}
        here.erp.clock.advance(6 * 3600)
        assert "4000005" in {record.ref for record in await here.read(cursor)}


async def test_maximo_takes_an_equal_status_as_done() -> None:
    async with site(MAXIMO) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        assert read.body is not None
        stale = replace(read, body={**read.body, "status": "APPR"})
        (receipt,) = await here.connector.write([Write("key-1", read.body, "1", stale)])
        assert isinstance(receipt, Receipt)


async def test_maximo_knows_a_write_again_within_five_minutes() -> None:
    async with site(MAXIMO) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        write = changed(MAXIMO, read)
        (first,) = await here.connector.write([write])
        again = replace(write, replaces=replace(read, version=first.version))  # type: ignore[union-attr]
        (second,) = await here.connector.write([again])
        assert isinstance(second, Receipt)
        assert (second.ref, second.version) == (first.ref, first.version)  # type: ignore[union-attr]
        assert here.erp.requests["update"] == 2


async def test_maximo_calls_records_by_site_and_number() -> None:
    async with site(MAXIMO) as here:
        here.erp.plant(1)
        (read,) = await here.read()
        assert read.source == "maximo:BEDFORD/100456"


async def test_erpnext_refuses_in_its_own_words() -> None:
    async with site(ERPNEXT) as here:
        (key,) = here.erp.plant(1)
        here.erp.set_status(key, "Completed")
        here.erp.submit(key)
        (read,) = await here.read()
        (answer,) = await here.connector.write([changed(ERPNEXT, read)])
        assert isinstance(answer, RecordError)
        assert "after submission" in answer.why.reason
        assert "Traceback" not in str(answer)


@each_company
async def test_the_mapping_of_the_same_name_understands_what_is_read(company: Company) -> None:
    async with site(company) as here:
        here.erp.plant(3)
        used = mapping(preset(company.preset).value, zone=ZONE)
        for record in await here.read():
            assert record.body is not None
            assert used.from_customer(record.body).fields["status"] == "pending"
