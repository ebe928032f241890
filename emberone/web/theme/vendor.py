"""Copy what the pages load out of node_modules: files, licences, versions and the icon sprite.

Run by `make vendor`; the same packages always give the same bytes.
"""

import json
import re
import shutil
import sys
from pathlib import Path

THEME = Path(__file__).parent
TARGET = THEME / "static" / "vendor"

#: Package → the files that pages load.
FILES = {
    "@tabler/core": ["dist/css/tabler.min.css"],
    "@tabler/icons": [],
    "htmx.org": ["dist/htmx.min.js"],
    "tom-select": ["dist/js/tom-select.popular.min.js", "dist/css/tom-select.min.css"],
}

MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

_SOURCE_MAP = re.compile(rb"\n?(//# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*$")
_DRAWN = re.compile(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*/>")
#: Every Tabler icon starts with an invisible square that only sets its bounds.
_BOUNDS = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'


def copy_files(package: Path, names: list[str]) -> None:
    """Copy the package's files without the pointers to their source maps."""
    for name in names:
        content = _SOURCE_MAP.sub(b"\n", (package / name).read_bytes())
        (TARGET / Path(name).name).write_bytes(content)


def copy_licence(package: Path, name: str) -> None:
    """Copy the package's licence; one that ships none names its owners in its banner."""
    target = TARGET / f"LICENSE-{name.strip('@').replace('/', '-')}.txt"
    source = package / "LICENSE"
    if source.is_file():
        target.write_text(source.read_text().strip() + "\n")
        return
    banner = (package / FILES[name][0]).read_text()[:600]
    owners = re.findall(r"Copyright [^\n]*", banner)
    if not owners or "Licensed under MIT" not in banner:
        raise SystemExit(f"{name}: no licence found in the package or its banner.")
    target.write_text("The MIT License (MIT)\n\n" + "\n".join(owners) + "\n\n" + MIT)


def sprite(icons: Path, names: list[str]) -> str:
    """Return one SVG with a symbol for each named icon; strokes and fill are the style sheet's."""
    symbols = []
    for name in names:
        source = icons / "icons" / "outline" / f"{name}.svg"
        if not source.is_file():
            raise SystemExit(f"icons.txt: there is no icon {name!r}.")
        drawn = _DRAWN.findall(source.read_text().replace(_BOUNDS, ""))
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(drawn)}</symbol>')
    lines = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{lines}\n</svg>\n'


def main(node_modules: Path) -> None:
    """Fill static/vendor anew."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    versions = []
    for name, files in FILES.items():
        package = node_modules / name
        about = json.loads((package / "package.json").read_text())
        copy_files(package, files)
        copy_licence(package, name)
        versions.append(f"{name} {about['version']} ({about['license']})")
    names = sorted(set((THEME / "icons.txt").read_text().split()))
    (TARGET / "icons.svg").write_text(sprite(node_modules / "@tabler/icons", names))
    (TARGET / "VERSIONS").write_text("\n".join(versions) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
