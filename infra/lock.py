"""Writes requirements/*.lock: every version pinned with hashes, for all platforms, without an index address.

base.lock: all but the detector. full.lock: everything. opencv-python is left out, its headless build takes its place;
and pip, which every environment has and which cannot well replace itself.
"""

import subprocess
import sys

COMMON = [
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"),
    *("--no-emit-package", "opencv-python", "--no-emit-package", "pip", "--no-header", "--no-annotate", "--quiet"),
]


def main() -> int:
    """Compile both; base follows the versions of full."""
    compile_ = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *COMMON]
    full, base = "requirements/full.lock", "requirements/base.lock"
    subprocess.run([*compile_, "--all-extras", "-o", full], check=True)
    extras = [part for name in ("demo", "local", "console", "dev") for part in ("--extra", name)]
    subprocess.run([*compile_, *extras, "-c", full, "-o", base], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
