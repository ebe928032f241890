"""Gather every text, bring each catalogue up to date, and compile those that leave nothing out.

`make translations` runs it; a language named on the command line is begun.
An incomplete catalogue is not compiled and so not offered to anybody.
"""

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PO = Path("LC_MESSAGES") / "messages.po"

#: Besides gettext's own: our lazy form, and the errors, which are worded where they are raised.
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "_l": None,
    "lazy_gettext": None,
    "CalendarExhausted": None,
    "Conflict": None,
    "Gone": None,
    "IllegalTransition": None,
    "Invalid": None,
    "NotAllowed": None,
    "NotFound": None,
    "StaleWrite": None,
    "StillReferenced": None,
    "TemporarilyUnavailable": None,
    "Word": None,
}
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.jinja", "jinja2")]
OPTIONS = {"jinja2": {"trimmed": "true", "silent": "false"}}
#: Lines of a catalogue's header that say when, and name nobody.
_PASSING = re.compile(
    r'^"(?:Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date'
    r"|Last-Translator|Language-Team): .*\n",
    re.MULTILINE,
)
#: Where texts for people are, and never those of other packages.
FOLDERS = ("emberone", "templates")


def gathered() -> Catalog:
    """Every text that a person may read."""
    catalog = Catalog(project="EmberOne", charset="utf-8", fuzzy=False)
    for folder in FOLDERS:
        found = extract_from_dir(
            ROOT / folder,
            METHODS,
            {pattern: OPTIONS.get(method, {}) for pattern, method in METHODS},
            keywords=KEYWORDS,
            comment_tags=("translators:",),
            directory_filter=_is_ours,
        )
        for path, _, message, comments, context in found:
            catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    for path, message in _rules():
        catalog.add(message, locations=[(path, 0)])
    return catalog


def is_complete(catalog: Catalog) -> bool:
    """Whether nothing is left out and nothing is a guess."""
    return all(
        message.string and all(_forms(message.string)) and not message.fuzzy
        for message in catalog
        if message.id
    )


def update(folder: Path, template: Catalog, language: str) -> bool:
    """Bring one catalogue up to date and compile it where it is complete; say whether it is."""
    path = folder / language / PO
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(template, no_fuzzy_matching=True)
    _write(path, catalog)
    compiled = path.with_suffix(".mo")
    if not is_complete(catalog):
        compiled.unlink(missing_ok=True)
        return False
    with compiled.open("wb") as file:
        write_mo(file, catalog)
    return True


def _write(path: Path, catalog: Catalog) -> None:
    """The catalogue as it is kept: without the dates that would differ every time."""
    file = BytesIO()
    write_po(file, catalog, sort_output=True, include_lineno=False, ignore_obsolete=True)
    path.write_text(_PASSING.sub("", file.getvalue().decode()), encoding="utf-8")


def main(begun: list[str]) -> None:
    """Do it for every language there is, and for those that are begun."""
    template = gathered()
    with (HERE / "messages.pot").open("wb") as file:
        write_po(file, template, sort_output=True, include_lineno=False)
    there = {path.parts[-3] for path in HERE.glob(f"*/{PO}")}
    sys.stdout.write(f"{len(template)} texts\n")
    for language in sorted(there | set(begun)):
        state = "complete" if update(HERE, template, language) else "not complete: not offered"
        sys.stdout.write(f"{language}: {state}\n")


def _rules() -> Iterator[tuple[str, str]]:
    """What an error says that is raised without a message: the first line of its docstring."""
    classes = [
        (path, node)
        for path in sorted((ROOT / "emberone").rglob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]
    errors, found = {"EmberOneError"}, 0
    # Until no more are found: a rule may stand on one of another file.
    while found != len(errors):
        found = len(errors)
        errors |= {node.name for _, node in classes if _bases(node) & errors}
    for path, node in classes:
        if node.name in errors:
            said = ast.get_docstring(node) or ""
            yield path.relative_to(ROOT / "emberone").as_posix(), said.splitlines()[0]


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _is_ours(path: str) -> bool:
    return Path(path).name not in {"static", "translations", "__pycache__"}


def _forms(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


if __name__ == "__main__":
    main(sys.argv[1:])
