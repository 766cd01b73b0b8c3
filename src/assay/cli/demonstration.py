"""The command that shows everything at work."""

import click

from assay.cli.serving import configure_logs


@click.command()
@click.option("--once", is_flag=True, help="End after the results instead of staying up.")
@click.option("--shoppers", type=click.IntRange(100, 100_000), default=20_000, show_default=True)
@click.option("--port", type=int, default=0, help="The port; 0 takes a free one.", show_default=True)
def demo(once: bool, shoppers: int, port: int) -> None:
    """Watch an experiment from an SDK's first evaluation to its result."""
    # The demo's clients are installed with assay[demo] only.
    from assay.demo.live import run_demo

    configure_logs("warning")
    run_demo(shoppers=shoppers, port=port, stay=not once)
