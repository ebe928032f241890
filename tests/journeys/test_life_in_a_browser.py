"""The whole life of a ticket through the pages, once by mouse and once by keyboard alone.

A customer registers by a letter's link and asks with a picture; the ticket is assigned; its
time runs short, a warning and an escalation come; the agent answers, notes, and closes; the
customer is asked by mail and rates; the admin reads of it. All processes are real ones.
"""

import re
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.services import accounts
from tests.browsing import CHROMIUM, DESKTOP, OPTIONS, PHONE, expect
from tests.everything import long
from tests.journeys.hands import Hands, Keyboard, Mouse
from tests.journeys.product import Product
from tests.journeys.test_life_of_a_ticket import SHORT_TARGETS

PASSWORD = "correct horse battery staple"
PICTURE = Path(__file__).parents[2] / "emberone/services/demo/files/puddle.png"

#: What happens by itself is waited for as long as this, in milliseconds.
IN_TIME = 60_000


@pytest.fixture(scope="module")
def product(servers_folder: Path) -> Iterator[Product]:
    """The whole product, with an admin and an agent, promises of seconds, and short delays."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with Product(servers_folder / "browsed") as running:
        running.run(
            *("create-admin", "--email", "boss@example.org", "--name", "Boss"),
            EMBERONE_ADMIN_PASSWORD=PASSWORD,
        )
        with create_core(Settings.from_env(running.environment)).app_context():
            accounts.create_account(SYSTEM, "ana@example.org", "Ana", Role.AGENT, PASSWORD)
            db.engine.dispose()
        with running.sql() as connection:
            connection.execute(SHORT_TARGETS)
            connection.execute("UPDATE settings SET feedback_delay_s = 1, reply_delay_s = 4")
        for name, command in {
            "web": ["web"],
            "worker": ["worker", "--queue", "work"],
            "mail": ["worker", "--queue", "mail"],
            "beat": ["beat"],
        }.items():
            running.start(name, *command)
        running.wait("the web", lambda: _answers(running))
        yield running


@pytest.fixture(scope="module")
def chromium(product: Product) -> Iterator[Any]:
    """A running browser."""
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def open_browser(chromium: Any, product: Product) -> Iterator[Any]:
    """A new browser of somebody's; at the end no page may have had an error."""
    contexts, complaints = [], []

    def opened(**options: Any) -> Any:
        home = f"http://127.0.0.1:{product.port}"
        context = chromium.new_context(**{"viewport": DESKTOP, "base_url": home, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize(
    "hands", [Mouse(), pytest.param(Keyboard(), marks=long)], ids=lambda hands: hands.name.lower()
)
def test_the_life_of_a_ticket(product: Product, open_browser: Any, hands: Hands) -> None:
    email = f"{hands.name.lower()}@example.org"
    subject = f"{hands.name}: my machine leaks"

    # A customer makes an account, confirms the address by the letter's link, and asks.
    carla = open_browser(viewport=PHONE)
    _register(product, carla, hands, email)
    hands.press(carla, "New ticket")
    hands.write(carla, "Subject", subject)
    hands.write(carla, "Tell us more", "There is a **puddle** on the floor.")
    carla.set_input_files("input[type=file]", str(PICTURE))
    hands.press(carla, "Send")
    expect(carla.locator("h1", has_text=subject)).to_be_visible()
    expect(carla.locator(".attachments__link")).to_contain_text("puddle.png")
    product.wait("the receipt", lambda: _letters(product, email, "received your request"))

    # It comes to the agent by itself; warned and late, it is raised.
    ana = open_browser()
    _sign_in(ana, hands, "ana@example.org")
    ana.locator("tbody a", has_text=subject).wait_for(timeout=IN_TIME)
    ana.reload()
    hands.press(ana, subject)
    expect(ana.locator("h1", has_text=subject)).to_be_visible()
    _wait_for_a_raise(product, subject)
    hands.press(ana, "All activity")
    # A sweep that comes late fires the latest step only, and says so: SLA rule 23.
    told = re.compile("warned that a time limit is near|1 earlier step passed over")
    expect(ana.locator(".activity")).to_contain_text(told)
    expect(ana.locator(".activity")).to_contain_text("escalated the ticket")
    hands.press(ana, "Conversation")

    # A note that stays inside, and an answer that the customer sees without reloading.
    hands.tick(ana, "Internal note")
    hands.write(ana, "Your text", "The seal of the tank, once more.")
    hands.press(ana, "Add internal note")
    expect(ana.locator(".comment--internal")).to_contain_text("once more")
    hands.tick(ana, "Reply")
    hands.write(ana, "Your text", "Please press the tank down **firmly**. Is it dry now?")
    ana.keyboard.press("Control+Enter")
    expect(carla.locator(".message--staff strong", has_text="firmly")).to_be_visible(
        timeout=IN_TIME
    )
    expect(carla.locator("body")).not_to_contain_text("once more")
    product.wait("the answer by mail", lambda: _letters(product, email, "press the tank down"))

    # The customer answers, and the agent's open page shows it.
    hands.write(carla, "Your answer", "Dry! Thank you.")
    hands.press(carla, "Send")
    expect(ana.locator(".comment", has_text="Dry! Thank you.")).to_be_visible(timeout=IN_TIME)
    hands.write(ana, "Your text", "I am glad. Enjoy your coffee.")
    hands.press(ana, "More ways to reply")
    hands.press(ana, "Reply and close")
    expect(carla.locator("text=How did we do?")).to_be_visible(timeout=IN_TIME)

    # The letter asks once; its link shows a page, and sending it rates.
    (asked,) = product.wait("the request", lambda: _letters(product, email, "/f/"))
    carla.goto(re.search(r"http://\S+/f/[\w-]+\?rating=5", asked)[0])
    hands.write(carla, "Anything you want to tell us", "Quick and kind.")
    hands.press(carla, "Send my answer")
    expect(carla.locator("body")).to_contain_text("Thank you, your answer is recorded.")

    # The admin finds it by its words, rated, with its whole history.
    boss = open_browser()
    _sign_in(boss, hands, "boss@example.org")
    hands.write(boss, "Search all tickets", subject)
    boss.keyboard.press("Enter")
    hands.press(boss, subject)
    expect(boss.locator(".talk__rating")).to_contain_text("Rated 5 of 5")
    expect(boss.locator(".talk__rating")).to_contain_text("Quick and kind.")
    hands.press(boss, "All activity")
    for words in ("opened the ticket", "gave the ticket to Ana", "rated the ticket 5 of 5"):
        expect(boss.locator(".activity")).to_contain_text(words)
    assert product.value(
        "SELECT array_agg(status || ' ' || feedback_rating) FROM tickets WHERE title = %s", subject
    ) == ["CLOSED 5"]


def _answers(product: Product) -> bool:
    """Whether pages can be asked for."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{product.port}/readyz") as answer:
        return bool(answer.status == 200)


def _register(product: Product, page: Any, hands: Hands, email: str) -> None:
    """Make an account, open the letter, follow its link and confirm."""
    page.goto("/login")
    hands.press(page, "Create an account")
    hands.write(page, "Your name", "Carla Customer")
    hands.write(page, "E-mail", email)
    hands.write(page, "Password", PASSWORD)
    hands.press(page, "Create the account")
    # The letter may be there before the page that tells of it.
    page.wait_for_url("**/register/sent")
    (letter,) = product.wait("the letter", lambda: _letters(product, email, "/confirm"))
    page.goto(re.search(r"http://\S+/confirm\S+", letter)[0])
    hands.write(page, "Password", PASSWORD)
    hands.press(page, "Confirm and sign in")
    page.wait_for_url("**/portal/**")


def _sign_in(page: Any, hands: Hands, email: str) -> None:
    page.goto("/login")
    # The cursor stands there by itself, once the page is drawn; a keyboard walks on from it.
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(email)
    hands.write(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/**")


def _wait_for_a_raise(product: Product, subject: str) -> None:
    product.wait(
        "an escalation",
        lambda: product.value(
            "SELECT count(*) FROM history JOIN tickets ON tickets.id = ticket_id"
            " WHERE title = %s AND action = 'escalated'",
            subject,
        ),
    )


def _letters(product: Product, email: str, words: str) -> list[str]:
    """The plain texts of the letters to this address in which these words are."""
    found = []
    for raw in product.letters_named(email):
        letter = message_from_string(raw, policy=default)
        body = letter.get_body(("plain",))
        if email in str(letter["To"]) and body is not None and words in body.get_content():
            found.append(body.get_content())
    return found
