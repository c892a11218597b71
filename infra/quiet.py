"""Imported before the registry client: a library under it announces its next major version on every start.

That library switches its warning on when it is imported, so it is imported here first and switched off after.
"""

import warnings

from authlib.deprecate import AuthlibDeprecationWarning

warnings.simplefilter("ignore", AuthlibDeprecationWarning)
