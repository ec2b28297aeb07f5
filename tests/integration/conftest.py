"""Authorities for the tests of TLS, one trusted and one unknown, brokers, and small steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import grpctap.core.places
import grpctap.playing
from support.nats import Admin, NatsServer
from support.peers import Authority


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few entries at once, and many places to go back to."""
    monkeypatch.setattr(grpctap.playing, "BATCH", 3)
    monkeypatch.setattr(grpctap.core.places, "_ENTRIES", 5)
    monkeypatch.setattr(grpctap.core.places, "_PLACES_A_COPY", 3)
    monkeypatch.setattr(grpctap.playing, "BREATH_S", 0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as server:
        yield server


@pytest.fixture
def admin(broker: NatsServer) -> Iterator[Admin]:
    with Admin(broker) as opened:
        yield opened
