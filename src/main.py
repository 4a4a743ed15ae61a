"""``python src/main.py``: one pass, inbound then outbound; the same as ``tracbridge run``."""

import sys

from tracbridge.cli.app import main

if __name__ == "__main__":
    sys.argv[1:1] = ["run"]
    main()
