"""The embedded servers: fresh, again, after a kill, in odd places, found in use."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from emberone.embedded import THROW_AWAY, EmbeddedPostgres, EmbeddedValkey, ServerFailed
from emberone.processes import AlreadyRunning, identity, wait_until, working_in

#: Another version's programs, when the whole run is on one.
BIN = (
    Path(os.environ["EMBERONE_TEST_POSTGRES_BIN"])
    if os.environ.get("EMBERONE_TEST_POSTGRES_BIN")
    else None
)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    folder = tmp_path / "a folder" / ("long " * 30)
    with EmbeddedPostgres(folder, bin_dir=BIN, options=THROW_AWAY) as server:
        yield server


def reach(server: EmbeddedPostgres) -> str:
    with server.connect("emberone_owner", "emberone") as connection:
        row = connection.execute("SELECT current_user").fetchone()
        assert row is not None
        return str(row[0])


def again(server: EmbeddedPostgres) -> EmbeddedPostgres:
    return EmbeddedPostgres(server.data_dir, bin_dir=BIN, options=THROW_AWAY)


def test_a_database_survives_a_stop_and_a_start(postgres: EmbeddedPostgres) -> None:
    postgres.create_database()
    postgres.create_database()
    assert reach(postgres) == "emberone_owner"
    postgres.stop()

    with again(postgres) as second:
        assert reach(second) == "emberone_owner"


def test_the_owner_is_no_superuser_but_makes_roles(postgres: EmbeddedPostgres) -> None:
    postgres.create_database()
    with postgres.connect("emberone_owner", "emberone") as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, True, True)
        connection.execute("CREATE ROLE somebody")


def test_texts_are_unicode_and_times_are_utc(postgres: EmbeddedPostgres) -> None:
    with postgres.connect() as connection:
        row = connection.execute(
            "SELECT lower('ÄÖÜ'), current_setting('server_encoding'), current_setting('timezone')"
        ).fetchone()
    assert row == ("äöü", "UTF8", "UTC")


def test_nobody_else_reaches_it(postgres: EmbeddedPostgres) -> None:
    assert postgres.socket_dir.stat().st_mode & 0o777 == 0o700
    assert len(str(postgres.socket_dir / ".s.PGSQL.5432")) < 100
    with postgres.connect() as connection:
        row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
    assert row == ("",)


def test_it_never_runs_as_root(postgres: EmbeddedPostgres) -> None:
    assert postgres.process is not None
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0


def test_a_killed_server_starts_again(postgres: EmbeddedPostgres) -> None:
    postgres.create_database()
    assert postgres.process is not None
    postgres.process.kill()
    postgres.process.wait()
    # As after a kill of everything: nobody has tidied up.
    postgres._lock.release()

    with again(postgres) as second:
        assert reach(second) == "emberone_owner"


def test_a_record_that_names_a_living_stranger_blocks_nothing(postgres: EmbeddedPostgres) -> None:
    postgres.create_database()
    postgres.stop()
    for file in (postgres.home / "postmaster.pid", postgres._pid_file):
        file.write_text(f"{os.getppid()} 12345\n{postgres.home}\n")

    with again(postgres) as second:
        assert reach(second) == "emberone_owner"
    assert identity(os.getppid())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path;"
        "from emberone.embedded import *;"
        "EmbeddedPostgres(Path(sys.argv[1]), options=THROW_AWAY).start();"
        "EmbeddedValkey(Path(sys.argv[1])).start();"
        "print('up', flush=True); time.sleep(100)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        assert working_in(tmp_path / "postgres")
        parent.kill()

    for home in ("postgres", "valkey"):
        assert wait_until(lambda home=home: not working_in(tmp_path / home), 10)  # type: ignore[misc]


def test_a_server_in_use_is_left_alone(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(AlreadyRunning, match="another process"):
        again(postgres).start()

    with postgres.connect() as connection:
        connection.execute("SELECT 1")


def test_an_interrupted_initdb_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")

    with EmbeddedPostgres(tmp_path, options=THROW_AWAY) as server:
        server.create_database()


def test_data_of_another_version_is_one_line(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    (postgres.home / "PG_VERSION").write_text("14\n")

    with pytest.raises(ServerFailed, match="data of PostgreSQL 14") as refused:
        again(postgres).start()
    assert "\n" not in refused.value.message


def test_a_folder_of_somebody_else_is_not_entered(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    assert not postgres.socket_dir.exists()
    postgres.socket_dir.symlink_to(postgres.data_dir)

    with pytest.raises(Exception, match="in the way"):
        again(postgres).start()
    postgres.socket_dir.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends its servers to another user")
def test_hidden_folders_are_opened_for_passing_only_and_it_is_said(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    said: list[str] = []

    with EmbeddedPostgres(hidden / "data", options=THROW_AWAY, say=said.append):
        assert hidden.stat().st_mode & 0o777 == 0o701
    assert len(said) == 1
    assert str(hidden) in said[0]
    with EmbeddedPostgres(hidden / "data", options=THROW_AWAY, say=said.append):
        assert len(said) == 1


def test_valkey_wants_its_password_and_forgets_everything(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "a folder")
    with server:
        url, port = server.url(), server.port
        with redis.Redis.from_url(url) as client:
            client.set("key", "value")
        with redis.Redis(port=port or 0) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("key")
        assert server.process is not None
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with server, redis.Redis.from_url(server.url()) as client:
        assert server.url() == url
        assert client.get("key") is None


def test_a_tcp_port_is_there_for_who_needs_one(tmp_path: Path) -> None:
    from emberone.embedded import free_port

    port = free_port()
    with EmbeddedPostgres(tmp_path, tcp_port=port, options=THROW_AWAY) as server:
        assert f"@127.0.0.1:{port}/" in server.url("postgres", "postgres")
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
