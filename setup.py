"""``python setup.py``: sample work orders on both sides; the same as ``tracbridge sample``.

This is no packaging script: the project is built from ``pyproject.toml``.
"""

import sys

from tracbridge.cli.app import main

if __name__ == "__main__":
    sys.argv[1:1] = ["sample"]
    main()
