"""How Hypothesis tests run, all of them."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure, and no test is one of speed.
settings.register_profile("grpctap", deadline=None)
settings.load_profile("grpctap")
