"""What the documents name is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

_PATH = re.compile(
    r"`((?:emberone|workers|migrations|templates|tests|docs|benchmarks|\.ci)/[\w./<>*-]*)(?::(\w+(?:\.\w+)?))?`"
)
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def _definitions(file: Path) -> set[str]:
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            if isinstance(node, ast.ClassDef):
                names |= {
                    f"{node.name}.{part.name}"
                    for part in node.body
                    if isinstance(part, ast.FunctionDef)
                }
                names |= {
                    f"{node.name}.{target.id}"
                    for part in node.body
                    if isinstance(part, ast.Assign)
                    for target in part.targets
                    if isinstance(target, ast.Name)
                }
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_and_function_a_document_names_exists(document):
    missing = []
    for path, name in _PATH.findall(document.read_text()):
        if any(mark in path for mark in "<*"):
            continue
        file = ROOT / path
        if not file.exists():
            missing.append(path)
        elif (name and file.suffix == ".py" and name not in _definitions(file)) or (
            name and file.suffix == ".sql" and name not in file.read_text()
        ):
            missing.append(f"{path}:{name}")
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    dead = [
        target
        for target in _LINK.findall(document.read_text())
        if not (document.parent / target).exists()
    ]
    assert dead == []


def test_each_decision_has_a_number_of_its_own_and_says_it():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(file.name[:4]) for file in decisions]
    assert sorted(set(numbers)) == numbers
    assert [file.read_text().split(" ", 2)[1] for file in decisions] == [f"{n}." for n in numbers]
