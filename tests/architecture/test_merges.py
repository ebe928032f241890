"""What two changes break together that were right apart: `make check` looks before a merge."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from babel.messages.mofile import read_mo

from emberone import languages
from emberone.migrating import migrations_folder
from emberone.translations.__main__ import HERE, PO, gathered, update

ROOT = Path(__file__).parents[2]


def _heads(folder: Path) -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return sorted(ScriptDirectory.from_config(config).get_heads())


def _used_twice(folder: Path, number: str) -> list[str]:
    found = Counter(
        match[1] for path in folder.iterdir() if (match := re.match(number, path.name)) is not None
    )
    return sorted(name for name, count in found.items() if count > 1)


def test_migrations_have_one_head():
    heads = _heads(migrations_folder())
    assert len(heads) == 1, f"migration heads {heads}: let the later one come down to the other"


def test_two_heads_are_seen(tmp_path):
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = _heads(folder)
    other = 'revision = "{}"\ndown_revision = "{}"\n'
    (folder / "versions/other.py").write_text(other.format("other", "0001"))
    assert _heads(folder) == sorted([*before, "other"])


@pytest.mark.parametrize(
    ("folder", "number"),
    [("docs/decisions", r"(\d{4})-"), ("migrations/versions", r"\d{8}_\d{4}_(\d{4})_")],
)
def test_no_number_is_used_twice(folder, number):
    assert _used_twice(ROOT / folder, number) == []


@pytest.mark.parametrize("language", [code for code in languages.available() if code != "en"])
def test_a_catalogue_leaves_nothing_out_and_is_compiled(language, tmp_path):
    shipped = HERE / language / PO
    copy = tmp_path / language / PO
    copy.parent.mkdir(parents=True)
    shutil.copy(shipped, copy)
    assert update(tmp_path, gathered(), language), f"make translations, then complete {shipped}"
    assert _texts(copy) == _texts(shipped), "make translations: it was compiled from another"


def _texts(path):
    with path.with_suffix(".mo").open("rb") as file:
        return {str(message.id): message.string for message in read_mo(file) if message.id}


def test_no_file_holds_both_sides_of_a_conflict():
    mark = "<" * 7 + " "
    found = subprocess.run(
        ["git", "grep", "--files-with-matches", "-I", f"^{mark}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if found.returncode > 1:
        pytest.skip("not a checkout")
    assert found.stdout.split() == []
