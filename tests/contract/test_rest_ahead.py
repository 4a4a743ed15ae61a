"""Records are looked at in groups before their writes; what was seen is not trusted for long."""

from msgspec.structs import replace

from tests.contract.companies import Company, site
from tests.contract.test_rest_presets import changed, each_company
from tracbridge.sdk import Receipt, StaleWriteError
from tracbridge.testing.erp.wire import Deed


@each_company
async def test_what_was_looked_at_long_before_its_write_is_looked_at_again(
    company: Company,
) -> None:
    name, _ = company.change
    async with site(company) as here:
        keys = here.erp.plant(2)
        first, second = await here.read()

        def slowly(deed: Deed) -> None:
            if deed.writes:
                here.erp.before = None
                here.erp.clock.advance(60)
                here.erp.edit(keys[1], **{name: "theirs"})

        here.erp.before = slowly
        writes = [changed(company, replace(one, version="")) for one in (first, second)]
        done, stale = await here.connector.write([writes[0], replace(writes[1], key="key-3")])
        assert isinstance(done, Receipt), done
        assert isinstance(stale, StaleWriteError)
        assert "theirs" in [record[name] for record in here.erp.records()]
