"""The walls of the house."""

import ast
import re
from pathlib import Path

import pytest

from emberone.db import Base
from emberone.domain import errors
from emberone.models import __all__ as models
from emberone.translations.__main__ import KEYWORDS

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "emberone").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])


def _calls(tree: ast.AST) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_doors_commit(file):
    if file.name == "db.py":
        pytest.skip("the doors themselves")
    assert "commit" not in _calls(ast.parse(file.read_text()))


def test_every_service_opens_one_transaction():
    strays = []
    for file in (ROOT / "emberone/services").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            is_service = any(
                isinstance(mark, ast.Name) and mark.id == "service" for mark in node.decorator_list
            )
            opened = sum(
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id == "transaction"
                for call in ast.walk(node)
            )
            if is_service != (opened == 1) or opened > 1:
                strays.append(f"{file.name}:{node.name}")
    assert strays == []


def test_no_rule_reads_a_hosts_clock():
    readers = [
        str(file.relative_to(ROOT))
        for layer in ("domain", "services", "queries")
        for file in (ROOT / "emberone" / layer).rglob("*.py")
        if re.search(r"datetime\.(utc)?now\(|\btime\.time\(|date\.today\(", file.read_text())
    ]
    assert readers == []


def test_every_table_has_a_model_and_every_model_a_first_sentence():
    mapped = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert mapped == set(models)
    assert all(mapper.class_.__doc__ for mapper in Base.registry.mappers)


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long_to_read(file):
    assert len(file.read_text().splitlines()) <= 450


#: What only whoever types commands or brings files reads, in English.
UNTRANSLATED = ("emberone/cli/", "emberone/domain/imports/", "emberone/services/imports/")


def test_no_refusal_is_worded_past_the_translators():
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.EmberOneError)
    } - {"EmberOneError", "ConfigurationError"}
    strays = []
    for file in SOURCES:
        where = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            is_made_up = isinstance(node.args[0], ast.JoinedStr)
            if node.func.id in raised and (is_made_up or node.func.id not in KEYWORDS):
                strays.append(f"{where}:{node.lineno}")
    assert [stray for stray in strays if not stray.startswith(UNTRANSLATED)] == []
