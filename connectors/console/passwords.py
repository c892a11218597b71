"""Passwords, as Argon2id hashes (RFC 9106) that a settings file may hold."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")


def hashed(password: str) -> str:
    """What settings keep of a password."""
    return _HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Is it the one? None: there is no such user, which takes as long to find out as a wrong password."""
    try:
        return _HASHER.verify(kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
