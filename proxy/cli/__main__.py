"""`python -m proxy.cli`, for a checkout that is not installed."""

import sys

from proxy.identity import main

if __name__ == "__main__":
    sys.exit(main())
