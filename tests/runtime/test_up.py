"""The whole product as real processes: started, stopped, killed, started again."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from emberone.demo_accounts import DEMO_LOGINS
from emberone.embedded import THROW_AWAY, EmbeddedPostgres
from emberone.processes import wait_until
from tests.everything import long
from tests.runtime.tree import PATIENCE, ROOT, Tree, logins

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.skipif(
        "EMBERONE_TEST_POSTGRES_BIN" in os.environ, reason="it brings a PostgreSQL of its own"
    ),
]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / ("a folder with a long name " * 6) / "var"


@pytest.fixture(autouse=True)
def _parents(data_dir: Path) -> None:
    data_dir.parent.mkdir(parents=True)


def test_it_starts_stops_and_starts_again(data_dir: Path) -> None:
    with Tree(data_dir, "--no-demo") as first:
        first.becomes_ready()
        # Every process of the web asks for itself, so the next one may need a moment.
        assert wait_until(lambda: first.answers("/readyz"), 30)
        secret = (data_dir / "secret_key").read_text()
        assert (data_dir / "secret_key").stat().st_mode & 0o777 == 0o600

        with Tree(data_dir, "--no-demo") as second:
            assert second.ends() == 2
            assert len(second.said.splitlines()) == 1
            assert f"process {first.process.pid}" in second.said
        assert first.get("/healthz") == 200

        assert first.terminate_group() == 0
        first.leaves_nothing()
        assert first.said.splitlines()[-1].endswith("stopped.")
        assert "by force" not in first.said

    assert (data_dir / "demo").read_text() == "none"
    # Without a demo at the first start, none comes later, whether one says so again or not.
    with Tree(data_dir) as third:
        third.becomes_ready()
        assert logins(third.said) == []
        assert "migrating" not in third.said
        assert (data_dir / "secret_key").read_text() == secret
        third.process.send_signal(signal.SIGINT)
        assert third.ends() == 0
        third.leaves_nothing()


@long
def test_the_demo_is_loaded_at_the_first_start_only(data_dir: Path) -> None:
    with Tree(data_dir) as first:
        first.becomes_ready()
        assert logins(first.said) == list(DEMO_LOGINS)
        assert first.terminate_group() == 0
    with Tree(data_dir) as second:
        second.becomes_ready()
        assert "loading the demo" not in second.said
        assert logins(second.said) == list(DEMO_LOGINS)
        assert second.terminate_group() == 0
        second.leaves_nothing()


@long
def test_it_starts_again_after_its_supervisor_was_killed_and_after_all_of_it_was(
    data_dir: Path,
) -> None:
    with Tree(data_dir, "--no-demo") as first:
        first.becomes_ready()
        assert len(first.left()) > 6
        first.process.kill()
        first.process.wait()
        # At once, while the others are still dying.
        with Tree(data_dir, "--no-demo") as second:
            second.becomes_ready()
            # The supervisor takes everything with it.
            assert wait_until(lambda: not first.marked(), 20)
            second.kill_all()
    with Tree(data_dir, "--no-demo") as third:
        third.becomes_ready()
        assert third.terminate_group() == 0
        third.leaves_nothing()


def test_a_process_or_a_server_that_is_killed_comes_back(data_dir: Path) -> None:
    with Tree(data_dir, "--no-demo") as tree:
        tree.becomes_ready()
        for command in ("web", "worker --queue work", "beat"):
            before = tree.running(command)
            assert before, command
            os.kill(min(before), signal.SIGKILL)
            assert wait_until(
                lambda command=command, before=before: (  # type: ignore[misc]
                    len(tree.running(command)) >= len(before)
                    and not set(before) & set(tree.running(command))
                ),
                30,
            ), tree.said
        assert wait_until(lambda: tree.answers("/readyz"), 30), tree.said
        for server in ("postgres", "valkey"):
            os.kill(tree.leader(server), signal.SIGKILL)
            assert wait_until(lambda server=server: f"{server} ended (SIGKILL)" in tree.said, 30)  # type: ignore[misc]
        assert wait_until(lambda: tree.answers("/readyz"), 60), tree.said
        assert tree.terminate_group() == 0
        tree.leaves_nothing()


@long
def test_a_signal_while_it_starts_stops_it_as_well(data_dir: Path) -> None:
    with Tree(data_dir, "--no-demo") as tree:
        assert wait_until(lambda: "migrating" in tree.said, PATIENCE), tree.said
        assert tree.terminate_group() == 0
        tree.leaves_nothing()
    with Tree(data_dir, "--no-demo") as again:
        again.becomes_ready()
        assert again.terminate_group() == 0


@long
def test_a_database_of_ones_own_is_used_and_gets_no_demo(data_dir: Path, tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "own", options=THROW_AWAY) as own:
        own.create_database()
        urls = {
            "EMBERONE_DATABASE_URL": own.url("emberone_app"),
            "EMBERONE_OWNER_URL": own.url("emberone_owner"),
        }
        with Tree(data_dir, **urls) as refused:
            assert refused.ends() == 2
            assert "EMBERONE_SECRET_KEY" in refused.said
        with Tree(data_dir, EMBERONE_SECRET_KEY="0123456789abcdef", **urls) as tree:
            tree.becomes_ready()
            assert not (data_dir / "postgres").exists()
            assert logins(tree.said) == []
            assert tree.terminate_group() == 0
            tree.leaves_nothing()


@long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_it_too(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody")
    packages = sysconfig.get_paths()["purelib"]
    python = _python_for(user, tmp_path / "python")
    home = tmp_path / "home"
    home.mkdir()
    _copy_product(home)
    for path in (home, *home.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    tmp_path.chmod(0o711)
    with Tree(
        home / "var",
        "--no-demo",
        program=[python, "app.py"],
        user=user,
        directory=home,
        PYTHONPATH=packages,
        LD_LIBRARY_PATH=str(tmp_path / "python" / "lib"),
        HOME=str(home),
    ) as tree:
        tree.becomes_ready()
        assert (home / "var" / "postgres").stat().st_uid == user.pw_uid
        assert tree.terminate_group() == 0
        tree.leaves_nothing()


def _copy_product(target: Path) -> None:
    for name in ("emberone", "workers", "migrations", "templates"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", target)


def _python_for(user: pwd.struct_passwd, folder: Path) -> str:
    """Our Python, or a copy of it where it lies in a folder that the user cannot enter."""
    try:
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run([sys.executable, "-c", "pass"], check=True, **who)  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError):
        return _copied_python(folder)
    return sys.executable


def _copied_python(folder: Path) -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(Path(sys.executable).resolve(), folder / "bin" / version)
    shutil.copytree(
        sysconfig.get_paths()["stdlib"],
        folder / "lib" / version,
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__", "config-*"),
    )
    # Where Python is a shared library, the copy must find its own (see LD_LIBRARY_PATH above).
    library = Path(sysconfig.get_config_var("LIBDIR")) / sysconfig.get_config_var("INSTSONAME")
    if library.suffix != ".a" and library.exists():
        shutil.copy(library, folder / "lib")
    return str(folder / "bin" / version)
