"""`python -m proxy.cli`, for a checkout that is not installed; guarded like the command itself."""

import sys
from importlib import import_module
from importlib.util import find_spec

if __name__ == "__main__":
    # A wheel carries the guard under its top-level name only.
    sys.exit(import_module("proxy.identity" if find_spec("proxy.identity") else "thalamus_entry").main())
