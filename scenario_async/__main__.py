"""``python -m scenario_async`` is the command ``scenario-async``."""

import sys

from .cli import main

sys.exit(main())
