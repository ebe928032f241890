"""Files of the embedded servers: whose they are and who may reach them.

PostgreSQL refuses to run as root, so root lends its servers to an unprivileged
user, who must be able to reach the programs and the data and nothing more.
"""

import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from emberone.domain.errors import ConfigurationError

_UNPRIVILEGED = "nobody"


def server_user(home: Path) -> pwd.struct_passwd | None:
    """Whom a server runs as: None for ourselves; for root the owner of its data, or nobody."""
    if os.geteuid() != 0:
        return None
    if home.exists() and home.stat().st_uid != 0:
        return pwd.getpwuid(home.stat().st_uid)
    return pwd.getpwnam(_UNPRIVILEGED)


def check_ours(home: Path) -> None:
    """Raise ConfigurationError when somebody else's server data lies there."""
    if os.geteuid() not in (0, home.stat().st_uid):
        raise ConfigurationError(
            f"{home} belongs to user {_name(home.stat().st_uid)}:"
            " run as that user, or set EMBERONE_DATA_DIR to a folder of your own."
        )


def private_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make a folder that only the server's user can enter, or check that it is one."""
    wanted = user.pw_uid if user else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # Never follow what somebody else may have put at a guessable name.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (wanted, os.geteuid()):
            raise ConfigurationError(
                f"{folder} is in the way: it belongs to user {_name(found.st_uid)}."
            ) from None
    os.chown(folder, wanted, user.pw_gid if user else -1)
    folder.chmod(0o700)


def write_private(file: Path, text: str, user: pwd.struct_passwd | None = None) -> None:
    """Write a file that only its user can read, whole or not at all."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    if user:
        os.chown(draft, user.pw_uid, user.pw_gid)
    draft.replace(file)


def kept_secret(file: Path) -> str:
    """The random text in a file that only its owner can read, made at the first call."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text().strip()


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, when it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def let_reach(user: pwd.struct_passwd, target: Path, say: Callable[[str], None]) -> None:
    """Add o+x to the folders above that hide a file from the server's user, and say so."""
    hidden = [folder for folder in target.parents if not _allows(folder, user, stat.S_IXOTH)]
    _open(hidden, 0o001, user, say)


def let_run(
    user: pwd.struct_passwd, program: Path, package: Path, say: Callable[[str], None]
) -> None:
    """Let the server's user reach a program, and read its package where a umask hid it."""
    let_reach(user, program, say)
    if not _allows(program, user, stat.S_IROTH | stat.S_IXOTH):
        for path in (package, *package.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
        say(f"Made {package} readable, so that user {user.pw_name} can run the embedded servers.")


def _open(
    folders: Iterable[Path], bits: int, user: pwd.struct_passwd, say: Callable[[str], None]
) -> None:
    opened = []
    for folder in folders:
        folder.chmod(folder.stat().st_mode | bits)
        opened.append(str(folder))
    if opened:
        say(f"Added o+x to {', '.join(opened)}, so that user {user.pw_name} can pass.")


def _allows(path: Path, user: pwd.struct_passwd, bits: int) -> bool:
    """Whether the user has these rights (given as those of others) on a file."""
    found = path.stat()
    if found.st_uid == user.pw_uid:
        bits <<= 6
    elif found.st_gid == user.pw_gid:
        bits <<= 3
    return found.st_mode & bits == bits


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
