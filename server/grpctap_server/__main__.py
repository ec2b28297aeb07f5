"""Run the server: python -m grpctap_server."""

import signal
import sys

if __name__ == "__main__":
    # Even while the rest is imported, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    from grpctap_server.cli import main

    sys.exit(main())
