"""The command line: quick to start, one line and exit status 2 for every mistake."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from emberone import cli
from emberone.domain.errors import NotFound

ROOT = Path(__file__).parents[2]
RIGHT = {
    "EMBERONE_DATABASE_URL": "postgresql://emberone_app@/emberone?host=/nowhere",
    "EMBERONE_SECRET_KEY": "0123456789abcdef",
}


def emberone(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "emberone", *arguments],
        env={**_environ(), **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environ() -> Mapping[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("EMBERONE_")}


def assert_refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from emberone.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'flask', 'sqlalchemy', 'celery', 'psycopg'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"^  web +Serve the panel", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "name", [name for name in cli.COMMANDS if cli._exists(cli.COMMANDS[name][0])]
)
def test_every_command_that_is_listed_can_be_called(name: str) -> None:
    done = emberone(name, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: emberone {name} ")


def test_an_unknown_command_is_refused() -> None:
    done = emberone("nonsense")

    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


WRONG = [
    ("EMBERONE_DATABASE_URL", ""),
    ("EMBERONE_DATABASE_URL", "mysql://localhost/emberone"),
    ("EMBERONE_OWNER_URL", "nonsense"),
    ("EMBERONE_REDIS_URL", "nonsense"),
    ("EMBERONE_SMTP_URL", "nonsense"),
    ("EMBERONE_SECRET_KEY", ""),
    ("EMBERONE_BASE_URL", "nonsense"),
    ("EMBERONE_PORT", "nonsense"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("command", ["web", "worker", "beat", "migrate"])
def test_a_wrong_variable_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    name: str,
    value: str,
) -> None:
    for variable, text in {**RIGHT, name: value}.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(SystemExit) as ended:
        cli.main([command])

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert name in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMBERONE_PORT", "nonsense"),
        ("EMBERONE_OWNER_URL", "postgresql://owner@localhost/emberone"),
        ("EMBERONE_DATABASE_URL", "nonsense"),
        ("EMBERONE_REDIS_URL", "nonsense"),
        ("EMBERONE_SECRET_KEY", "short"),
        ("EMBERONE_BASE_URL", "nonsense"),
        ("EMBERONE_SMTP_URL", "nonsense"),
        ("EMBERONE_HOST", "no.such.host.invalid"),
        ("EMBERONE_HOST", "192.0.2.1"),
    ],
)
def test_up_refuses_a_wrong_variable_before_it_starts_anything(
    tmp_path: Path, name: str, value: str
) -> None:
    variables = {"EMBERONE_DATA_DIR": str(tmp_path), name: value}

    assert_refused(emberone("up", "--no-demo", **variables), name)
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_demo_is_refused_at_an_address_that_others_can_reach(tmp_path: Path, host: str) -> None:
    done = emberone("up", EMBERONE_DATA_DIR=str(tmp_path), EMBERONE_HOST=host)

    assert_refused(done, "EMBERONE_HOST", "demo")
    (tmp_path / "demo").write_text("loaded")
    assert_refused(
        emberone("up", "--no-demo", EMBERONE_DATA_DIR=str(tmp_path), EMBERONE_HOST=host),
        "EMBERONE_HOST",
        "demo",
    )
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_that_is_taken_is_one_line(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        variables = {"EMBERONE_PORT": port, "EMBERONE_DATA_DIR": str(tmp_path)}
        if command == "web":
            variables |= RIGHT
        done = emberone(command, **variables)

    assert_refused(done, "EMBERONE_PORT", port)
    assert not (tmp_path / "postgres").exists()


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert_refused(emberone("up", EMBERONE_DATA_DIR=str(tmp_path / "file")), "EMBERONE_DATA_DIR")


def test_a_database_that_does_not_answer_is_one_line() -> None:
    assert_refused(emberone("migrate", **RIGHT), "The database cannot be reached")


def test_an_error_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise NotFound("There is no ticket #7,\nas far as you are concerned.")

    monkeypatch.setattr(cli.group, "main", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main([])

    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "emberone: There is no ticket #7, as far as you are concerned.\n"
    )


def test_compose_runs_commands_that_exist() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    commands = [
        service["command"][1:]
        for service in services.values()
        if service.get("command", [""])[0] == "emberone"
    ]

    assert {tuple(command) for command in commands} == {
        ("web",),
        ("worker", "--queue", "work"),
        ("worker", "--queue", "mail"),
        ("beat",),
        ("migrate",),
    }
    for command in commands:
        assert emberone(*command, "--help").returncode == 0


def test_compose_names_every_service_it_depends_on() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_the_locks_name_no_place_to_download_from() -> None:
    for lock in ("build", "run", "dev"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"://|--(extra-)?index-url|--find-links|^/|file:", text, re.MULTILINE)
