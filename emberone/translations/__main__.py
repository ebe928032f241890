"""Gather every text, bring each catalogue up to date, and compile those that leave nothing out.

`make translations` runs it; a language named on the command line is begun.
An incomplete catalogue is not compiled and so not offered to anybody.
"""

import sys
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
    "Conflict": None,
    "Gone": None,
    "IllegalTransition": None,
    "Invalid": None,
    "NotAllowed": None,
    "NotFound": None,
}
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.jinja", "jinja2")]
OPTIONS = {"jinja2": {"trimmed": "true", "silent": "false"}}
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
    with path.open("wb") as file:
        write_po(file, catalog, sort_output=True, include_lineno=False, ignore_obsolete=True)
    compiled = path.with_suffix(".mo")
    if not is_complete(catalog):
        compiled.unlink(missing_ok=True)
        return False
    with compiled.open("wb") as file:
        write_mo(file, catalog)
    return True


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


def _is_ours(path: str) -> bool:
    return Path(path).name not in {"static", "translations", "__pycache__"}


def _forms(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


if __name__ == "__main__":
    main(sys.argv[1:])
