"""Two ways to use a page: with the mouse, and with nothing but the keyboard.

Both find things by what they are called, as a person would, or a screen reader.
"""

from typing import Any, Protocol

from tests.browsing import expect

#: What has the focus is called: by its label, its own name, or its text.
_CALLED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return "";
  const words = [e.getAttribute("aria-label"), ...[...(e.labels || [])].map((l) => l.textContent), e.textContent];
  return words.filter(Boolean).join(" ").replace(/\\s+/g, " ").trim();
}"""


def tab_to(page: Any, words: str, key: str = "Tab") -> None:
    """Walk through the page until what has the focus is called so."""
    for _ in range(120):
        page.keyboard.press(key)
        if words in page.evaluate(_CALLED):
            return
    raise AssertionError(f"The keyboard does not reach {words!r} on {page.url}.")


def _pressable(page: Any, words: str) -> Any:
    named = page.get_by_role("button", name=words).or_(page.get_by_role("link", name=words))
    # What opens a menu has no role of its own.
    menu = page.locator(f'summary[aria-label="{words}"], summary:has-text("{words}")')
    return named.or_(menu).filter(visible=True).first


def _field(page: Any, label: str) -> Any:
    return page.get_by_label(label).filter(visible=True).first


class Hands(Protocol):
    """How a person uses a page."""

    name: str

    def press(self, page: Any, words: str) -> None:
        """Press the button or follow the link of this name."""

    def write(self, page: Any, label: str, text: str) -> None:
        """Write into the field of this name, below what stands there."""

    def tick(self, page: Any, label: str) -> None:
        """Choose this one of several."""

    def choose(self, page: Any, label: str, option: str) -> None:
        """Choose from a plain list."""


class Mouse:
    """Points and clicks."""

    name = "Mouse"

    def press(self, page: Any, words: str) -> None:
        """Click on the first that is seen of this name."""
        _pressable(page, words).click()

    def write(self, page: Any, label: str, text: str) -> None:
        """Click into the field and type."""
        _field(page, label).click()
        page.keyboard.press("Control+End")
        page.keyboard.type(text)

    def tick(self, page: Any, label: str) -> None:
        """Click on its label, which is what one sees."""
        page.locator("label", has_text=label).first.click()

    def choose(self, page: Any, label: str, option: str) -> None:
        """Pick the option."""
        _field(page, label).select_option(label=option)


class Keyboard:
    """Tabs, types and presses Enter; never points."""

    name = "Keyboard"

    def press(self, page: Any, words: str) -> None:
        """Walk there and press Enter."""
        expect(_pressable(page, words)).to_be_visible()
        tab_to(page, words)
        page.keyboard.press("Enter")

    def write(self, page: Any, label: str, text: str) -> None:
        """Walk to the field and type."""
        expect(_field(page, label)).to_be_visible()
        tab_to(page, label)
        page.keyboard.press("Control+End")
        page.keyboard.type(text)

    def tick(self, page: Any, label: str) -> None:
        """Walk to the group, then through it with the arrows."""
        found = page.locator("label", has_text=label).locator("input").first
        group = found.get_attribute("name")
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name || ''") == group:
                break
        for _ in range(12):
            if found.evaluate("e => e === document.activeElement"):
                page.keyboard.press("Space")
                expect(found).to_be_checked()
                return
            page.keyboard.press("ArrowRight")
        raise AssertionError(f"The keyboard does not reach {label!r} on {page.url}.")

    def choose(self, page: Any, label: str, option: str) -> None:
        """Walk to the list and type the beginning of the option."""
        expect(_field(page, label)).to_be_visible()
        tab_to(page, label)
        page.keyboard.type(option)
