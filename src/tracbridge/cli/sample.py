"""``tracbridge sample``: sample orders on both sides."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from tracbridge.adapters.observe.log import LogObserver
from tracbridge.bootstrap import opened
from tracbridge.cli.context import new_run, settings, wait_for
from tracbridge.runtime.sample import customer_orders, tracos_documents, write_customer_files


def sample(
    customer: Annotated[int, typer.Option(help="Orders of the customer.", min=0)] = 10,
    tracos: Annotated[int, typer.Option(help="Orders in TracOS.", min=0)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed makes the same orders.")] = 1,
) -> None:
    """Make sample orders on both sides, some of them the same ones."""
    wait_for(_sample(customer, tracos, seed))


async def _sample(customer: int, tracos: int, seed: int) -> None:
    config = settings()
    new_run(config)
    now = datetime.now(UTC)
    for folder in (config.inbound_dir, config.outbound_dir):
        folder.mkdir(parents=True, exist_ok=True)
    async with opened(config, LogObserver()) as service:
        documents = tracos_documents(tracos, seed, now)
        if documents:
            await service.orders.insert_many(documents)
    write_customer_files(config.inbound_dir, customer_orders(customer, seed, now, tracos=tracos))
    typer.echo(f"Made {customer} orders in {config.inbound_dir} and {tracos} in TracOS.")
