"""``python -m tracbridge`` is the command ``tracbridge``."""

from tracbridge.cli.app import main

if __name__ == "__main__":
    main()
