"""A service that `notefly up` started must not outlive it, however it ends."""

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1
"""From <sys/prctl.h>: the signal that the kernel sends when the parent is gone."""


def die_with_parent() -> None:
    """The kernel sees to it on Linux; elsewhere the end of stdin, which the parent holds open."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    threading.Thread(target=_until_alone, name="lifeline", daemon=True).start()


def _until_alone() -> None:
    """Nothing is ever written there: a read returns when the other end is closed."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
