"""The health of a stream: the real keys on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from google.rpc import code_pb2

from grpctap.widgets.board_view import BoardView
from grpctap.widgets.health_panel import HealthPanel
from grpctap.widgets.stream_log import StreamLog
from support import tickers
from support.screens import hides, lines, shows, text, until
from support.tickers import Tickers, now_fields, rounds, tick
from ui.test_board import viewer
