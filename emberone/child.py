"""Become another program that ends when its parent does.

Run as a script (``python -I -S child.py PARENT SIGNAL UID GID NICENESS PROGRAM …``) by
:func:`emberone.processes.spawn`: a function run between fork and exec would be
unsafe beside threads, and warns there since Python 3.12. Standard library only.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, signal_number: int) -> None:
    """Ask Linux to signal this process when its parent dies; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        # It died before we asked, so nobody would tell us.
        os._exit(1)


def main(arguments: list[str]) -> None:
    """Drop privileges where asked, tie this process to its parent, run the program."""
    parent, signal_number, uid, gid, niceness = (int(text) for text in arguments[:5])
    os.nice(niceness)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which clears it.
    die_with_parent(parent, signal_number)
    program = arguments[5:]
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
