"""`python -m adapters.runtime` is `mutsura adapters`."""

import sys

from adapters.runtime.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
