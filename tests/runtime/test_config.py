"""What the environment may say, and the one line that answers anything else."""

from pathlib import Path

import pytest

from emberone.config import Settings
from emberone.domain.errors import ConfigurationError

RIGHT = {
    "EMBERONE_DATABASE_URL": "postgresql://emberone_app@localhost/emberone",
    "EMBERONE_SECRET_KEY": "0123456789abcdef",
}


def test_two_variables_are_enough() -> None:
    settings = Settings.from_env(RIGHT)

    assert settings.database_url == "postgresql+psycopg://emberone_app@localhost/emberone"
    assert settings.owner_url == settings.database_url
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.smtp_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.base_url == "http://127.0.0.1:5000"
    assert settings.data_dir == Path("var").absolute()


def test_every_variable_is_read() -> None:
    settings = Settings.from_env(
        {
            **RIGHT,
            "EMBERONE_OWNER_URL": "postgres://owner:p%40ss@db.example/emberone",
            "EMBERONE_REDIS_URL": "rediss://:secret@redis.example/1",
            "EMBERONE_SMTP_URL": "smtp+starttls://user:pass@mail.example:587",
            "EMBERONE_BASE_URL": "https://help.example.com/",
            "EMBERONE_DATA_DIR": "/srv/ember one",
            "EMBERONE_PORT": "8080",
            "EMBERONE_HOST": "::1",
            "EMBERONE_TRUSTED_PROXIES": "2",
        }
    )

    assert settings.owner_url == "postgresql+psycopg://owner:p%40ss@db.example/emberone"
    assert settings.redis_url == "rediss://:secret@redis.example/1"
    assert settings.smtp_url == "smtp+starttls://user:pass@mail.example:587"
    assert settings.base_url == "https://help.example.com"
    assert settings.is_https
    assert settings.data_dir == Path("/srv/ember one")
    assert (settings.host, settings.port) == ("::1", 8080)
    assert settings.trusted_proxies == 2


def test_the_address_of_an_ipv6_host_is_bracketed() -> None:
    assert Settings.from_env({**RIGHT, "EMBERONE_HOST": "::1"}).base_url == "http://[::1]:5000"


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
def test_mail_leaves_by_three_schemes(scheme: str) -> None:
    url = f"{scheme}://mail.example"
    assert Settings.from_env({**RIGHT, "EMBERONE_SMTP_URL": url}).smtp_url == url


WRONG = [
    ("EMBERONE_DATABASE_URL", ""),
    ("EMBERONE_DATABASE_URL", "nonsense"),
    ("EMBERONE_DATABASE_URL", "mysql://localhost/emberone"),
    ("EMBERONE_DATABASE_URL", "postgresql+asyncpg://localhost/emberone"),
    ("EMBERONE_DATABASE_URL", "postgresql://localhost:port/emberone"),
    ("EMBERONE_OWNER_URL", "sqlite:///emberone.db"),
    ("EMBERONE_REDIS_URL", "localhost:6379"),
    ("EMBERONE_REDIS_URL", "http://localhost"),
    ("EMBERONE_REDIS_URL", "redis://localhost:port"),
    ("EMBERONE_REDIS_URL", "redis://"),
    ("EMBERONE_SMTP_URL", "mail.example:25"),
    ("EMBERONE_SMTP_URL", "imap://mail.example"),
    ("EMBERONE_SMTP_URL", "smtp://mail.example:99999"),
    ("EMBERONE_SECRET_KEY", ""),
    ("EMBERONE_SECRET_KEY", "short"),
    ("EMBERONE_BASE_URL", "help.example.com"),
    ("EMBERONE_BASE_URL", "ftp://help.example.com"),
    ("EMBERONE_BASE_URL", "http://[::1"),
    ("EMBERONE_PORT", "0"),
    ("EMBERONE_PORT", "65536"),
    ("EMBERONE_PORT", "-1"),
    ("EMBERONE_PORT", "5000 "),
    ("EMBERONE_PORT", "http"),
    ("EMBERONE_PORT", "٥٠٠٠"),
    ("EMBERONE_PORT", "9" * 5000),
    ("EMBERONE_TRUSTED_PROXIES", "-1"),
    ("EMBERONE_TRUSTED_PROXIES", "all"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env({**RIGHT, name: value})

    assert name in refused.value.message
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 200


def test_a_password_is_never_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env({**RIGHT, "EMBERONE_DATABASE_URL": "mysql://me:hunter2@localhost/x"})

    assert "hunter2" not in refused.value.message
