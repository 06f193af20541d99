"""`python -m fluidsim` is the command `fluidsim`; it takes no modules from the current folder."""

import os
import sys

if sys.path[0] == os.getcwd() != os.path.dirname(os.path.dirname(__file__)):
    del sys.path[0]

from fluidsim.cli import main

sys.exit(main())
