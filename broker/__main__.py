"""`python -m broker` is `mutsura`."""

import sys

from broker.cli import main

sys.exit(main())
