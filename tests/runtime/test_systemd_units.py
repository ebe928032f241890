"""The units of docs/operations.md: what systemd says of them, and their commands run as they stand."""

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emberone.cli import COMMANDS

UNITS = Path(__file__).parents[2] / "docs" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
INSTALLED = "/opt/emberone/bin/emberone"
EMBERONE = Path(sys.executable).with_name("emberone")


def command_of(unit: Path) -> list[str]:
    # systemd repeats keys (EnvironmentFile), so the parser must not be strict.
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(unit)
    return shlex.split(parser["Service"]["ExecStart"])


def test_every_process_has_a_unit_and_every_unit_is_wanted():
    started = {tuple(command_of(unit)[1:]) for unit in SERVICES}
    assert started == {("web",), ("worker", "--queue", "%i"), ("beat",), ("migrate",)}
    wanted = (UNITS / "emberone.target").read_text()
    for name in ("web", "worker@work", "worker@mail", "beat"):
        assert f"emberone-{name}.service" in wanted


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_exists(unit):
    program, name, *arguments = command_of(unit)
    assert program == INSTALLED
    assert name in COMMANDS
    arguments = [argument.replace("%i", "mail") for argument in arguments]
    done = subprocess.run(
        [EMBERONE, name, *arguments, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_migration_alone_knows_the_owner():
    knowing = [unit.stem for unit in SERVICES if "/etc/emberone/owner" in unit.read_text()]
    assert knowing == ["emberone-migrate"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_them(tmp_path):
    folder = tmp_path / "system"
    folder.mkdir()
    for unit in UNITS.iterdir():
        # It looks whether the program is there, and this one is elsewhere.
        text = unit.read_text().replace(INSTALLED, str(EMBERONE))
        (folder / unit.name).write_text(text)
    names = [unit.name.replace("@.", "@work.") for unit in sorted(folder.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(folder / name) for name in names)],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "emberone" in line]
    assert (done.returncode, said) == (0, [])
