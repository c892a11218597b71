"""Who sits at this machine, for the records of what persons did."""

import getpass
import os


def name() -> str:
    """The user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
