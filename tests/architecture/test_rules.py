"""The rule books and the tests that hold them: a test names its rule with `@pytest.mark.rule`."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOOKS = ROOT / "docs" / "rules"


def written_rules() -> set[str]:
    """`sla 5`, `feedback 2`, …: the numbered rules of each book."""
    return {
        f"{book.stem} {number}"
        for book in BOOKS.glob("*.md")
        for number in re.findall(r"^(\d+)\. ", book.read_text(), re.MULTILINE)
    }


def held_rules() -> set[str]:
    """The rules that tests say they hold."""
    marks = re.compile(r'mark\.rule\(\s*"([^"]+)"')
    return {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in marks.findall(file.read_text())
    }


def test_a_test_holds_only_rules_that_are_written_down() -> None:
    assert held_rules() <= written_rules()


def test_every_rule_that_is_written_down_is_held_by_a_test() -> None:
    assert written_rules() - held_rules() == set()
