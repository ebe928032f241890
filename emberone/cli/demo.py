"""`emberone demo`: people and tickets to look at, for a database in which nobody is known."""

import click

from emberone.cli.create_admin import require_migrated
from emberone.cli.web import demo_refusal, is_loopback
from emberone.config import Settings
from emberone.demo_accounts import DEMO_ADMIN, DEMO_AGENT, DEMO_CUSTOMER, DEMO_PASSWORD
from emberone.domain.errors import ConfigurationError


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="Leave a database with people in it as it is.")
def command(if_empty: bool) -> None:
    """Load the demo's people and tickets."""
    settings = Settings.from_env()
    if not is_loopback(settings.host):
        # The web process may be listening there already.
        raise ConfigurationError(demo_refusal(settings.host))
    require_migrated(settings)
    from emberone.core import create_core
    from emberone.services.demo import is_empty, load_demo

    with create_core(settings).app_context():
        if if_empty and not is_empty():
            click.echo("There are people already: no demo.")
            return
        count = load_demo(
            admin=DEMO_ADMIN, agent=DEMO_AGENT, customer=DEMO_CUSTOMER, password=DEMO_PASSWORD
        )
    click.echo(f"The demo is loaded: {count} tickets.")
