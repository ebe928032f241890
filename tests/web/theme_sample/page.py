"""What a test wants to know of a page of HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Inputs that need no label: they are not seen, or carry their own words.
UNLABELLED_TYPES = {"hidden", "submit", "button"}


@dataclass
class Element:
    """One start tag, with the label around it if there is one."""

    tag: str
    attributes: dict[str, str | None]
    inside_label: bool


@dataclass
class Page(HTMLParser):
    """A page, taken apart into its elements."""

    html: str
    elements: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open_labels = 0
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "label":
            self._open_labels += 1
        self.elements.append(Element(tag, dict(attrs), self._open_labels > 0))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._open_labels -= 1

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def count(self, tag: str) -> int:
        return len(self.all(tag))

    def value(self, name: str) -> str | None:
        """The value of the first input of that name."""
        for element in self.all("input"):
            if element.attributes.get("name") == name:
                return element.attributes.get("value")
        return None

    def addresses(self) -> list[str]:
        """Everything the page loads: scripts, style sheets, icons, pictures."""
        found = [e.attributes.get("src") for e in self.elements if e.tag in ("script", "img")]
        found += [e.attributes.get("href") for e in self.elements if e.tag in ("link", "use")]
        return [address for address in found if address]

    def unlabelled(self) -> list[str]:
        """Names of the controls that nothing names to a screen reader."""
        targets = {e.attributes.get("for") for e in self.all("label")}
        return [
            str(e.attributes)
            for e in self.elements
            if e.tag in ("input", "select", "textarea")
            and e.attributes.get("type") not in UNLABELLED_TYPES
            and e.attributes.get("id") not in targets
            and not e.attributes.get("aria-label")
            and not e.inside_label
        ]
