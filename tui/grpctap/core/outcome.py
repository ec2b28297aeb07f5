"""What the first value of a reopened stream says of what lies between."""

from __future__ import annotations

from grpctap.core.cursor import Verdict
from grpctap.core.seams import How, Outcome

GOING_ON = frozenset({How.RESUMED, How.OLDEST})
"""Whoever opened it so wants what lies between: it is missing, not left out by choice."""


def outcome_of(verdict: Verdict, how: How, *, sent_token: bool, since_token: int = 0) -> Outcome:
    """The outcome, from the verdict on the first value of a call.

    Args:
        verdict: What the cursor says of the value.
        how: How the call was opened.
        sent_token: Whether the call was told where to go on.
        since_token: How many values without a number had come after that place.
    """
    if verdict is Verdict.NEXT:
        return Outcome.EXACT
    if how not in GOING_ON:
        asked = {Verdict.NEW_STREAM: Outcome.ANEW, Verdict.GAP: Outcome.LEFT_OUT}
        return asked.get(verdict, Outcome.UNKNOWN)
    if verdict is Verdict.GAP:
        return Outcome.MISSED
    if verdict is not Verdict.FIRST and not sent_token:
        return Outcome.CANNOT_RESUME
    if verdict is Verdict.NEW_STREAM:
        return Outcome.NEW_STREAM if how is How.RESUMED else Outcome.ANEW
    if how is How.RESUMED and since_token:
        return Outcome.MAY_REPEAT
    return Outcome.UNKNOWN
