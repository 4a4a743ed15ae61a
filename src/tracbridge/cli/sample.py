"""``tracbridge sample``: sample orders on both sides."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from tracbridge.bootstrap import Service
from tracbridge.cli.context import say, serving, wait_for
from tracbridge.cli.table import counted
from tracbridge.domain.errors import ConfigError
from tracbridge.runtime.sample import (
    customer_orders,
    shared_numbers,
    tracos_documents,
    write_customer_files,
)


def sample(
    customer: Annotated[int, typer.Option(help="Orders of the customer.", min=0)] = 10,
    tracos: Annotated[int, typer.Option(help="Orders in TracOS.", min=0)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed makes the same orders.")] = 1,
) -> None:
    """Make sample orders on both sides, some of them the same."""
    wait_for(_sample(customer, tracos, seed))


async def _sample(customer: int, tracos: int, seed: int) -> None:
    now = datetime.now(UTC)
    async with serving() as service:
        if service.note:
            say(service.note)
        config = service.settings
        documents = tracos_documents(tracos, seed, now)
        await refuse_taken(service, [document["number"] for document in documents])
        for folder in (config.inbound_dir, config.outbound_dir):
            folder.mkdir(parents=True, exist_ok=True)
        await service.plant(documents)
    orders = customer_orders(customer, seed, now, tracos=tracos)
    write_customer_files(config.inbound_dir, orders)
    both = min(len(shared_numbers(customer, tracos)), customer)
    say(
        f"Sample orders: {customer} in {config.inbound_dir}, {tracos} in TracOS, "
        f"{both} of them the same. Next: tracbridge run"
    )


async def refuse_taken(service: Service, numbers: list[int]) -> None:
    """Samples never mix with orders that are there."""
    taken = await service.views.taken_numbers(numbers)
    if taken:
        config = service.settings
        where = f"{config.mongo_database}.{config.mongo_collection}"
        raise ConfigError(
            f"{where} at {service.host} holds {counted(len(taken), 'order')} with the numbers of "
            f"the samples already (the first is {taken[0]}); nothing was made. Try them in another "
            "folder with MONGO_URI=embedded, or set MONGO_DATABASE to a new name."
        )
