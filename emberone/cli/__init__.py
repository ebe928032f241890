"""The `emberone` command: each subcommand is a module here, imported when it is called.

Start-up time is what a person at a terminal feels, so this file imports
neither Flask nor SQLAlchemy.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence

import click

from emberone import __version__
from emberone.domain.errors import EmberOneError
from emberone.logs import log_to_stderr

#: Name → its module in this package, and its sentence in `emberone --help`.
COMMANDS = {
    "up": ("up", "Run everything on this machine, with its own database and broker."),
    "web": ("web", "Serve the panel, the portal and the API."),
    "worker": ("worker", "Work off one queue of background jobs."),
    "beat": ("beat", "Issue every sweep at its time."),
    "sweep": ("sweep", "Do all due background work now, without a broker."),
    "migrate": ("migrate", "Bring the database to this version's tables."),
    "create-admin": ("create_admin", "Make a person an administrator who can sign in."),
    "import": ("import_", "Load tickets from another system's files."),
    "explain": ("explain", "Say why a ticket is where it is."),
    "doctor": ("doctor", "Check the installation and say what is wrong."),
    "demo": ("demo", "Load the demo's people and tickets."),
}
_HIDDEN = {"demo"}

#: What every mistake of the caller ends with.
MISTAKE = 2


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands that this installation has."""
        return [name for name, (module, _) in COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return its command."""
        module, _ = COMMANDS.get(cmd_name, ("", ""))
        if not module or not _exists(module):
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        rows = [
            (name, COMMANDS[name][1]) for name in self.list_commands(ctx) if name not in _HIDDEN
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="emberone")
def group() -> None:
    """EmberOne: a customer-support ticket system."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: a mistake is one line on stderr and exit status 2."""
    log_to_stderr()
    try:
        group.main(args=None if arguments is None else list(arguments), prog_name="emberone")
    except EmberOneError as error:
        fail(error.message)
    except Exception as error:
        line = _one_line(error)
        if line is None:
            raise
        fail(line)


def fail(line: str, status: int = MISTAKE) -> None:
    """End the program with one line on stderr."""
    click.echo(f"emberone: {' '.join(line.split())}", err=True)
    sys.exit(status)


def _exists(module: str) -> bool:
    return importlib.util.find_spec(f"{__name__}.{module}") is not None


def _one_line(error: Exception) -> str | None:
    """What a person reads of a server's refusal; None for every other error, which is a fault."""
    original = getattr(error, "orig", None) or error
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(original).__mro__}
    reason = (str(original).strip().splitlines() or ["no reason given"])[0]
    if "psycopg.errors.UndefinedTable" in kinds:
        return f"The database has not been migrated ({reason}): run 'emberone migrate'."
    if "psycopg.OperationalError" in kinds and getattr(original, "sqlstate", None) is None:
        return f"The database cannot be reached: {reason}"
    if kinds & {"psycopg.OperationalError", "psycopg.errors.InsufficientPrivilege"}:
        return f"The database refuses: {reason}"
    if kinds & {"kombu.exceptions.OperationalError", "redis.exceptions.ConnectionError"}:
        return f"The broker cannot be reached: {reason}"
    return None
