"""The wheel alone, away from any checkout, is the whole product: `docs/operations.md`, done."""

import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from email import message_from_string, policy
from pathlib import Path

import pytest

from tests.journeys.browser import Browser
from tests.journeys.product import ROOT, Product
from tests.runtime.tree import Tree

PASSWORD = "correct horse battery"
#: What a wheel is made of; nothing else of the checkout is at hand where it is built.
PARTS = ("emberone", "workers", "migrations", "templates", "pyproject.toml", "README.md", "app.py")


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a command to its end; fails with what it said."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(servers_folder: Path) -> Path:
    """A fresh environment with the wheel in it, made without network; its folder of programs."""
    source, wheels = servers_folder / "source", servers_folder / "wheels"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, source / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, source / part)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
    offline = ("--no-deps", "--no-index")
    run(*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", wheels, source)
    shutil.rmtree(source)
    home = servers_folder / "opt emberone"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin" / "python"
    # What requirements/run.txt would bring is lent by this environment. A plain path in a
    # .pth file does not carry over its own .pth files, so not the checkout that it runs.
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", vars=paths))
    (packages / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    (wheel,) = wheels.glob("emberone-*.whl")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--quiet",
        "install",
        *offline,
        "--ignore-installed",
        wheel,
    )
    where = run(python, "-c", "import emberone; print(emberone.__file__)", cwd=home).strip()
    assert Path(where).is_relative_to(packages)
    return home / "bin"


@pytest.fixture(scope="module")
def product(installed: Path, servers_folder: Path) -> Iterator[Product]:
    """Its processes on real servers, started from an empty folder; `migrate` has run."""
    nowhere = servers_folder / "nowhere"
    nowhere.mkdir()
    with Product(
        servers_folder / "product", program=installed / "emberone", cwd=nowhere
    ) as running:
        running.run(
            *("create-admin", "--email", "boss@example.org", "--name", "Boss"), text=PASSWORD + "\n"
        )
        for name, command in {
            "web": ["web"],
            "work": ["worker", "--queue", "work"],
            "mail": ["worker", "--queue", "mail"],
            "beat": ["beat"],
        }.items():
            running.start(name, *command)
        browser = Browser(f"http://127.0.0.1:{running.port}")
        running.wait("readiness", lambda: browser.get("/readyz").status == 200)
        yield running
        assert list(nowhere.iterdir()) == []


@pytest.fixture
def browser(product: Product) -> Browser:
    return Browser(f"http://127.0.0.1:{product.port}")


@pytest.mark.skipif(
    "EMBERONE_TEST_POSTGRES_BIN" in os.environ, reason="it brings a PostgreSQL of its own"
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_it_runs_as_a_checkout_does(installed: Path, servers_folder: Path) -> None:
    elsewhere = servers_folder / "elsewhere"
    elsewhere.mkdir()
    with Tree(
        elsewhere / "var",
        *("-m", "emberone", "up", "--no-demo"),
        program=[str(installed / "python")],
        directory=elsewhere,
    ) as tree:
        tree.becomes_ready()
        assert tree.get("/login") == 200
        assert tree.terminate_group() == 0


def test_the_doctor_finds_nothing_that_fails(product: Product) -> None:
    report = product.run("doctor")
    assert "fail" not in {line.split()[0] for line in report.splitlines() if line}
    assert "leaves through 127.0.0.1" in report


def test_a_page_comes_with_everything_it_asks_for(browser: Browser) -> None:
    page = browser.get("/login").text
    assert browser.status == 200
    assets = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg)[^"]*)"', page)
    assert len(assets) >= 3
    for asset in assets:
        browser.get(asset)
        assert browser.status == 200, asset
        assert len(browser.text) > 100, asset


def test_it_speaks_the_languages_that_were_built_in(browser: Browser) -> None:
    browser.language = "de"
    page = browser.get("/login").text
    assert '<html lang="de"' in page
    assert "Anmelden</h1>" in page


def test_a_ticket_is_opened_in_the_panel_and_its_letter_leaves(
    product: Product, browser: Browser
) -> None:
    browser.get("/login").submit("Sign in", email="boss@example.org", password=PASSWORD)
    browser.get("/admin/")
    assert "/admin/ticket/" in browser.url
    browser.get("/admin/profile/new/").submit(
        "Save", email="carl@example.org", full_name="Carl Customer", role="CUSTOMER"
    )
    customer = product.value("SELECT id FROM profiles WHERE email = 'carl@example.org'")
    browser.get(f"/admin/ticket/new/?customer={customer}").submit(
        "Open the ticket", title="Printer on fire", description="It burns."
    )
    assert browser.status == 200, browser.text
    assert "Printer on fire" in browser.text
    (raw,) = product.wait("the letter", lambda: product.letters_named("To: Carl Customer"))
    letter = message_from_string(raw, policy=policy.default)
    assert "Printer on fire" in letter["Subject"]
    for kind in ("plain", "html"):
        body = letter.get_body((kind,))
        assert body is not None
        assert "It burns." in body.get_content() or "Printer on fire" in body.get_content()


def test_work_is_assigned_and_every_sweep_moves(product: Product, browser: Browser) -> None:
    browser.get("/login").submit("Sign in", email="boss@example.org", password=PASSWORD)
    browser.get("/admin/job/")
    assert "Moves" in browser.text
    assert "Failing" not in browser.text
    assert "Not run yet" not in browser.text
