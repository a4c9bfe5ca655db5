from __future__ import annotations

import sys
from pathlib import Path

# At the end: scripts have names that others may have as well.
sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
