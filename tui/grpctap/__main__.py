"""Runs grpctap: python -m grpctap, and the program's entry point."""

import os
import signal
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Does what the command line says, and exits."""
    # Even while the rest is imported, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What gRPC's C core logs would land in the middle of the screen.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from grpctap.cli import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
