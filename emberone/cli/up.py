"""`emberone up`: the whole product on this machine, in one foreground process."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

import emberone
from emberone.cli import fail
from emberone.cli.migrate import is_current
from emberone.cli.web import check_address, demo_refusal, is_loopback
from emberone.config import Settings, read_data_dir
from emberone.demo_accounts import DEMO_LOGINS, DEMO_PASSWORD
from emberone.domain.errors import ConfigurationError
from emberone.embedded import EmbeddedPostgres, EmbeddedValkey
from emberone.processes import Lock, Roll
from emberone.readiness import Readiness
from emberone.server_files import kept_secret
from emberone.supervisor import Hopeless, Program, Stopped, Supervisor

#: Longer than the worker's own soft shutdown.
_WORKER_PATIENCE = 25.0
#: Where both want a core, a page goes before background work; at the start most of all.
_BACKGROUND = 5
#: What the demo has to show first, for whoever has just started it.
_LOOK_AT = (
    "first, as the admin: the ticket about running water warns and escalates within two minutes,",
    "  and a request to rate is written under Mail after one;",
    "then, as the agent: answer a ticket of yours; as the customer: ask something in the portal.",
)
#: Each process of ours keeps a few connections open.
_POSTGRES_OPTIONS = {"max_connections": "200"}


@click.command("up")
@click.option("--no-demo", is_flag=True, help="Begin with an empty database.")
def command(no_demo: bool) -> None:
    """Run everything on this machine, with its own database and broker.

    EMBERONE_DATABASE_URL and EMBERONE_REDIS_URL name others to use instead.
    Ctrl-C stops all of it.
    """
    roll = Roll(read_data_dir(os.environ) / "up.children")
    supervisor = Supervisor(roll)
    plan = _plan(os.environ, no_demo, supervisor.say)
    with _only_one(plan.settings.data_dir):
        roll.end_leftovers()
        if plan.shows_demo and not is_loopback(plan.settings.host):
            raise ConfigurationError(demo_refusal(plan.settings.host))
        check_address(plan.settings.host, plan.settings.port)
        try:
            with supervisor:
                _run(supervisor, plan)
        except Stopped:
            supervisor.say("stopped.")
        except Hopeless as error:
            fail(error.message, status=1)


@dataclass(frozen=True)
class _Plan:
    """What is to be run, checked before anything is started."""

    settings: Settings
    environ: Mapping[str, str]
    postgres: EmbeddedPostgres | None
    valkey: EmbeddedValkey | None
    #: Says what became of the demo at the first start; absent before.
    demo_mark: Path
    shows_demo: bool

    def program(
        self, name: str, *arguments: str, patience: float = 12.0, niceness: int = 0
    ) -> Program:
        """One of our own commands as a process."""
        # -P: a folder that happens to be called `workers` where we stand is not ours.
        command = [sys.executable, "-P", "-m", "emberone", *arguments]
        return Program(name, command, self.environ, patience, niceness)


def _plan(environ: Mapping[str, str], no_demo: bool, say: Callable[[str], None]) -> _Plan:
    data_dir = read_data_dir(environ)
    _make(data_dir)
    ours = dict(environ)
    postgres = valkey = None
    if not environ.get("EMBERONE_DATABASE_URL"):
        if environ.get("EMBERONE_OWNER_URL"):
            raise ConfigurationError("EMBERONE_OWNER_URL is set, but not EMBERONE_DATABASE_URL.")
        postgres = EmbeddedPostgres(data_dir, options=_POSTGRES_OPTIONS, say=say)
        ours["EMBERONE_DATABASE_URL"] = postgres.url("emberone_app")
        ours["EMBERONE_OWNER_URL"] = postgres.url("emberone_owner")
        if not environ.get("EMBERONE_SECRET_KEY"):
            ours["EMBERONE_SECRET_KEY"] = kept_secret(data_dir / "secret_key")
    if not environ.get("EMBERONE_REDIS_URL"):
        valkey = EmbeddedValkey(data_dir, say=say)
        ours["EMBERONE_REDIS_URL"] = valkey.url()
    ours["PYTHONUNBUFFERED"] = "1"
    # The children run the very code that runs here, installed or not.
    paths = [str(Path(emberone.__file__).parents[1]), environ.get("PYTHONPATH", "")]
    ours["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    mark = data_dir / "demo"
    shows_demo = mark.read_text() == "loaded" if mark.exists() else not no_demo
    return _Plan(
        settings=Settings.from_env(ours),
        environ=ours,
        postgres=postgres,
        valkey=valkey,
        demo_mark=mark,
        shows_demo=shows_demo and postgres is not None,
    )


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise ConfigurationError(
            f"EMBERONE_DATA_DIR: {data_dir} cannot be used ({error.strerror})."
        ) from None


def _only_one(data_dir: Path) -> Lock:
    return Lock(
        data_dir / "up.lock",
        f"'emberone up' is running on {data_dir} already (process {os.getpid()}).",
    )


def _run(supervisor: Supervisor, plan: _Plan) -> None:
    if plan.postgres:
        supervisor.start(plan.postgres)
        plan.postgres.create_database()
    if plan.valkey:
        supervisor.start(plan.valkey)
    _migrate(supervisor, plan)
    _load_demo(supervisor, plan)
    queues = {"worker": "work", "mail": "mail"}
    supervisor.start(
        *(
            plan.program(
                *(name, "worker", "--queue", queue),
                patience=_WORKER_PATIENCE,
                niceness=_BACKGROUND,
            )
            for name, queue in queues.items()
        )
    )
    supervisor.start(plan.program("beat", "beat", niceness=_BACKGROUND))
    supervisor.start(plan.program("web", "web"))
    _wait(supervisor, plan.settings)
    _greet(supervisor, plan)
    while True:
        supervisor.turn(60)


def _migrate(supervisor: Supervisor, plan: _Plan) -> None:
    if is_current(plan.settings.owner_url):
        return
    supervisor.say("migrating the database …")
    if supervisor.run_once(plan.program("migrate", "migrate")) != 0:
        raise Hopeless("The database could not be migrated: see its lines above.")


def _load_demo(supervisor: Supervisor, plan: _Plan) -> None:
    """At the first start of our own database, and only then, decide on the demo."""
    if plan.postgres is None or plan.demo_mark.exists():
        return
    if plan.shows_demo:
        supervisor.say("loading the demo …")
        if supervisor.run_once(plan.program("demo", "demo", "--if-empty")) != 0:
            supervisor.say("the demo could not be loaded; going on without, until the next start.")
            return
    has_demo = plan.shows_demo and _has_demo_accounts(plan.postgres)
    plan.demo_mark.write_text("loaded" if has_demo else "none")


def _has_demo_accounts(postgres: EmbeddedPostgres) -> bool:
    with postgres.connect("emberone_owner", "emberone") as connection:
        found = connection.execute(
            "SELECT 1 FROM profiles WHERE lower(email) = ANY(%s)", [list(DEMO_LOGINS)]
        )
        return found.fetchone() is not None


def _wait(supervisor: Supervisor, settings: Settings) -> None:
    readiness = Readiness(settings.host, settings.port)
    readiness.start()
    try:
        while not readiness.is_ready:
            supervisor.turn(0.1)
            for line in readiness.news():
                supervisor.say(line)
    finally:
        readiness.stop()
    supervisor.is_ready = True


def _greet(supervisor: Supervisor, plan: _Plan) -> None:
    supervisor.say(f"ready: {plan.settings.base_url}/  (Ctrl-C stops it)")
    if plan.demo_mark.exists() and plan.demo_mark.read_text() == "loaded" and plan.postgres:
        for login in DEMO_LOGINS:
            supervisor.say(f"  sign in as {login:<22} password {DEMO_PASSWORD}")
        for line in _LOOK_AT:
            supervisor.say(f"  {line}")
