"""The command `console`: its options. All else is imported late."""

import argparse
import getpass
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.config import Settings
from schemas.site import load_site

if TYPE_CHECKING:
    from connectors.console.page import Differ

EXAMPLES = """\
  trackfold console --site shop.yaml                     on this machine, with a token in the address that it shows
  trackfold console --site shop.yaml --host 0.0.0.0      for others; needs users or tokens, and HTTPS before it
  trackfold console --hash-password                      what [console.users.NAME] keeps of a password"""


def console(arguments: argparse.Namespace, settings: Settings, differ: "Differ") -> int:
    """See the day, episodes with their video, what waits, what failed; set cameras up."""
    if arguments.hash_password:
        from connectors.console.passwords import hashed

        typed = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        print(hashed(typed))
        return 0
    from connectors.console import service

    given = {key: value for key in ("host", "port") if (value := getattr(arguments, key)) is not None}
    wanted = settings.model_copy(update={"console": settings.console.model_copy(update=given)})
    return service.run(wanted, load_site(arguments.site), arguments.site, differ, say=print)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--host", metavar="ADDRESS", help="default: 127.0.0.1, this machine alone")
    parser.add_argument("--port", type=int, metavar="N", help="default: 8600; 0: any that is free")
    parser.add_argument("--hash-password", action="store_true", help="ask for a password, print what settings keep")


def command(
    differ: "Callable[[], Differ]",
) -> tuple[str, Callable[[argparse.Namespace, Settings], int], str, Callable[[argparse.ArgumentParser], None]]:
    """Name, call, examples, options; differ: where it finds what the fold's side knows of two versions."""

    def call(arguments: argparse.Namespace, settings: Settings) -> int:
        return console(arguments, settings, differ())

    call.__doc__ = console.__doc__
    return ("console", call, EXAMPLES, add_arguments)
