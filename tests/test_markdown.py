"""What people write comes out formatted, and does nothing."""

from html.parser import HTMLParser

import pytest

from emberone.markdown import to_html, to_words


def elements(html):
    """Every element with its attributes, as a browser would read them."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda name, attributes: found.append((name, dict(attributes)))
    parser.feed(html)
    return found


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**b** and *i*", "<strong>b</strong> and <em>i</em>"),
        ("one\ntwo", "one<br>"),
        ("- a\n- b", "<li>a</li>"),
        ("`x < y`", "<code>x &lt; y</code>"),
        ("~~no~~", "<s>no</s>"),
        ("|a|\n|-|\n|1|", "<td>1</td>"),
        ("see https://example.org/x.", 'href="https://example.org/x"'),
    ],
)
def test_markdown_is_formatted(written, shown):
    assert shown in to_html(written)


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](JaVaScRiPt:alert(1))",
        "<a href='vbscript:x'>x</a>",
        "![x](https://tracker.example/pixel.png)",
        '[x](https://e.org "onmouseover=alert(1)")',
        "<svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
        "[x]: javascript:alert(1)\n\n[x]",
        "`<script>alert(1)</script>`",
    ],
)
def test_nothing_that_acts_comes_through(written):
    for element, attributes in elements(to_html(written)):
        assert element in {"p", "a", "code", "br"}
        assert set(attributes) <= {"href", "rel"}
        assert attributes.get("href", "https:").startswith("https:")


def test_links_tell_the_other_site_nothing_and_are_not_vouched_for():
    assert 'rel="noopener noreferrer nofollow ugc"' in to_html("https://example.org")


def test_a_tower_of_quotations_is_still_read():
    assert to_html(">" * 5000 + " x")


def test_in_a_list_only_its_words_are_left():
    text = "# Outage\n\n**All** of `x < y` & [here](https://example.org)\n- one\n- two"
    assert to_words(text) == "Outage All of x < y & here one two"
    assert to_words("<b>no</b>") == "<b>no</b>"
