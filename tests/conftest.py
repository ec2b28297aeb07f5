"""What holds for all tests: how Hypothesis runs, and that the user's own files are left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# As the program has it: what gRPC says on standard error is of no use to anybody.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# A busy machine is no failure, and no test is one of speed.
settings.register_profile("grpctap", deadline=None)
settings.load_profile("grpctap")


@pytest.fixture(scope="session", autouse=True)
def no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the state of programs, also for those that a test starts."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.delenv("GRPCTAP_NO_RECENT", raising=False)
        yield folder
