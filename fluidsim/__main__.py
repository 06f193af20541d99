"""`python -m fluidsim` is the command `fluidsim`."""

import sys

from fluidsim.cli import main

sys.exit(main())
