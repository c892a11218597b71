"""Errors that a person can act on."""


class ExplainedError(Exception):
    """Its text says what was wrong, where, and what to do; the command line prints it as it is, without a traceback.

    exit_code: 2 = wrong usage, configuration or input; 3 = a server is not there or refuses us; 1 = the work failed.
    """

    exit_code = 1


class InputError(ExplainedError):
    """What was given cannot be used: correct it and call again."""

    exit_code = 2


class ServerError(ExplainedError):
    """A server is not there, or refuses us: start it or correct its address and key, then call again."""

    exit_code = 3
