"""`python -m imagebuild`: the command, without its script."""

import sys

from imagebuild.cli import main

if __name__ == "__main__":
    sys.exit(main())
