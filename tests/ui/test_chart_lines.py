"""Several lines, the cursor, and what is seen of a million values: text in, text out."""

from __future__ import annotations

from math import sin

import pytest
from textual import events

from grpctap.widgets.chart import Chart
from grpctap.widgets.legend import LINES
from support.charts import (
    NOON,
    SECOND,
    ChartApp,
    Script,
    golden,
    paused_once,
    picture_after,
    picture_of,
    press,
    shown,
)
from support.screens import until


def two_lines(*, common: bool = False) -> Script:
    script = Script([(i / 10, 78.6 + 0.35 * sin(i / 40)) for i in range(600)])
    script.name, script.common = "price", common
    script.add("volume", [(i / 10, 1000 + 100 * (i // 60 % 4)) for i in range(600)])
    return script


def six_lines() -> Script:
    script = two_lines()
    for power, name in enumerate(("best_bid.price", "ask", "levels[0].quantity", "spread")):
        wave = [5 + sin(i / (30 + 15 * power)) for i in range(600)]
        script.add(name, [(i / 10, round(10**power * wave[i], 2)) for i in range(600)])
    return script


@pytest.fixture(scope="module")
def million() -> Script:
    """A million values within a minute, of which one is a spike."""
    return Script(
        [(i * 0.00006, 9.0 if i == 700_123 else 1.0 + i % 2 * 0.1) for i in range(1_000_000)]
    )


async def test_two_lines_each_on_its_own_scale() -> None:
    lines = await picture_after(two_lines(), 80, 9)

    assert lines == golden("""
        |       ▸                                   1▸price  78.8342 ▼ 0.0064 78.25–78.95
        |  79.0 ┤  ⣀⣀⡀    ⢰⠒⠒⢲  ⢀⣀⣀    ⡖⠒⠒⢲   ⣀⣀⡀   2 volume    1100 = 0      1000–1300
        |       │⢀⡼⠁ ⠙⣆   ⢸  ⢸ ⣰⠋ ⠈⢳⡀  ⡇  ⢸ ⢀⡞⠁ ⠙1
        |       │⡞    ⠈⣷⠒⠒⠚  ⢸⣰⠃    ⡷⡒⠒⠃  ⢸⢠⠎
        |  78.5 ┤      ⡏⢧    ⣸⠃     ⡇⠳⡀   ⢸⠏
        |       │   ⡖⠒⠒⠃⠈⠳⣀⣀⡼⢹   ⡖⠒⠒⠃ ⠹⣄⣀⡠⢻  ⢰⠒⠒⠒2
        |       │   ⡇        ⢸  ⢰⠁        ⢸  ⢸
        |  78.0 ┤⠒⠒⠒⠃        ⠘⠒⠒⠚         ⠘⠒⠒⠚
        |    12:00:00        12:00:30
    """)


async def test_two_lines_on_one_scale() -> None:
    lines = await picture_after(two_lines(common=True), 80, 9)

    assert lines == golden("""
        |       ▸                                               1▸price  78.8342 ▼ 0.0064
        |  1500 ┤                                               2 volume    1100 = 0
        |       │        ⡤⠤⠤⠤⠴⠒⠒⠒⠒⡆       ⢀⠤⠤⠤⠤⠖⠒⠒⠒⢲
        |  1000 ┤⠒⠒⠒⠒⠉⠉⠉⠉⠁        ⠓⠒⠒⠒⠚⠉⠉⠉⠉        ⠘⠒⠒⠒⠒⠋⠉⠉⠉⠉2
        |       │
        |   500 ┤
        |       │
        |     0 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉1
        |                         12:00:30
    """)


async def test_another_line_lends_the_axis_its_scale() -> None:
    lines = await picture_after(two_lines(), 80, 9, "down")

    assert lines == golden("""
        |       ▸                                   1 price  78.8342 ▼ 0.0064 78.25–78.95
        |  1300 ┤  ⣀⣀⡀    ⢰⠒⠒⢲  ⢀⣀⣀    ⡖⠒⠒⢲   ⣀⣀⡀   2▸volume    1100 = 0      1000–1300
        |       │⢀⡼⠁ ⠙⣆   ⢸  ⢸ ⣰⠋ ⠈⢳⡀  ⡇  ⢸ ⢀⡞⠁ ⠙1
        |  1200 ┤⡞    ⠈⣷⠒⠒⠚  ⢸⣰⠃    ⡷⡒⠒⠃  ⢸⢠⠎
        |       │      ⡏⢧    ⣸⠃     ⡇⠳⡀   ⢸⠏
        |  1100 ┤   ⡖⠒⠒⠃⠈⠳⣀⣀⡼⢹   ⡖⠒⠒⠃ ⠹⣄⣀⡠⢻  ⢰⠒⠒⠒2
        |       │   ⡇        ⢸  ⢰⠁        ⢸  ⢸
        |  1000 ┤⠒⠒⠒⠃        ⠘⠒⠒⠚         ⠘⠒⠒⠚
        |    12:00:00        12:00:30
    """)


async def test_six_lines() -> None:
    lines = await picture_after(six_lines(), 80, 8)

    assert lines == golden("""
        |       ▸                                 1▸price    78.8342 ▼ 0.0064 78.25–78.95
        |  79.2 ┤                              6  2 volume      1100 = 0      1000–1300
        |  79.0 ┤ ⣠⣶⣴⣴⡴⣤⢤⣀ ⢀⡴⢤ ⢀⣀⣠⠴⢤⡀⡤⣦⡤⠴⠤⣄⢀⣠⣤⣦3  3 best_bi…    5.90 ▲ 0.02   4.0–6.0
        |  78.8 ┤⣰⡿⠛⠹⡝⣿⣌⠳⣌⢷⣟⢲⠈⣷⢋⡞⠉⠳⡀⣽⣟⠗⠻⣲⢀⣼⡿⣅⢠⡟1  4 ask        56.78 ▲ 0.17   40–60
        |  78.6 ┤⠏   ⢹⣈⢾⣖⠚⣿⡈⠻⣼⢹⣏  ⢀⣿⡟⠚⢆⢀⣿⣫⠏ ⢘⣾⡀4  5 levels[…  447.00 ▼ 1.42   400–600
        |  78.4 ┤  ⢀⠖⠒⢻⠈⢻⣾⠁⢙⢞⣯⠻⣼⡖⣲⢾⠇⠙⣆⡼⢯⣸⣯ ⣠⡟⠒⠳2  6 spread   5991.21 ▼ 1.68   4000–6000
        |  78.2 ┤⠒⠒⠚   ⠓⠚⠉⠙⠛⠚⠛⠒⠚⠛⠓⠛⠒⠚⠉⠉⠉⠙⠛⠛⠛   5
        |    12:00:00       12:00:30
    """)


async def test_the_cursor_tells_time_and_extremes_of_its_column() -> None:
    lines = await picture_after(paused_once(), 60, 8, *["left"] * 4)

    assert lines == golden("""
        |       ▸ held, 0 follows     12:00:54.464  number 23.1–24.2
        |    25 ┤    ⢠⡄   ⡄   ⣠   ⢠⡄   ⡄   ⣠       ⢦   ⢰⡀   ⡆   ⣦│
        |    24 ┤   ⢀⡎⡇  ⡼⡇  ⣰⢻  ⢀⡎⡇  ⡼⡇  ⣰⠃       ⠈⣆  ⢸⢳   ⡿⡄  ⡏⣆
        |    23 ┤  ⢀⡞ ⡇ ⡸⠁⡇ ⢠⠃⢸ ⢀⡞ ⡇ ⡸⠁⡇ ⢠⠃┊        ⠘⣆ ⢸ ⢧ ⢀⠇⢱⡀ ⡇⠘⣆
        |    22 ┤  ⡜  ⡇⣰⠃ ⡇⢀⠏ ⢸ ⡜  ⡇⣰⠃ ⡇⢀⠏ ┊         ⠘⡄⢸ ⠈⢇⢸  ⢳⡀⡇│⠘⡄
        |    21 ┤ ⡼⠁  ⣷⠃  ⣇⡞  ⢸⡼⠁  ⣷⠃  ⣇⡞  ┊          ⠹⣸  ⠘⣾   ⢣⡇│ ⠹⡀
        |    20 ┤⠐⠁   ⠃   ⠛   ⠘⠁   ⠃   ⠛   ┊           ⠛   ⠘   ⠈⠃│  ⠓
        |    12:00:00     12:00:15     12:00:30     12:00:45
    """)


async def test_the_cursor_reads_each_line_in_the_legend() -> None:
    lines = await picture_after(two_lines(), 80, 9, "left", "shift+left", *["left"] * 9)

    assert lines == golden("""
        |       ▸ held, 0 follows   12:00:22.500    1▸price  78.3859–78.5277 78.25–78.95
        |  79.0 ┤  ⣀⣀⡀    ⢰⠒⠒⢲  ⢀⣀⣀    ⡖⠒⠒⢲   ⣀⣀⡀   2 volume       1000–1300 1000–1300
        |       │⢀⡼⠁ ⠙⣆   ⢸  ⢸ ⣰⠋ ⠈⢳⡀  ⡇  ⢸ ⢀⡞⠁ ⠙1
        |       │⡞    ⠈⣷⠒⠒⠚  ⢸⣰⠃    ⡷⡒⠒⠃  ⢸⢠⠎
        |  78.5 ┤      ⡏⢧    ⣸⠃     ⡇⠳⡀   ⢸⠏
        |       │   ⡖⠒⠒⠃⠈⠳⣀⣀⡼⢹   ⡖⠒⠒⠃ ⠹⣄⣀⡠⢻  ⢰⠒⠒⠒2
        |       │   ⡇        ⢸  ⢰⠁        ⢸  ⢸
        |  78.0 ┤⠒⠒⠒⠃        ⠘⠒⠒⠚         ⠘⠒⠒⠚
        |    12:00:00        12:00:30
    """)


async def test_where_nothing_came_the_cursor_tells_the_value_before() -> None:
    lines = await picture_after(
        Script([(i * 5, float(i)) for i in range(12)]), 60, 7, *["left"] * 4
    )

    assert lines == golden("""
        |       ▸ held, 0 follows          12:00:50.425  number (10)
        |    20 ┤                                                │
        |       │                                                │
        |    10 ┤                                    ⢀⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒
        |       │               ⣀⣀⣀⣀⣀⡠⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠊⠉⠉⠉⠉⠁           │
        |     0 ┤    ⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉                                 │
        |        12:00:00     12:00:15     12:00:30     12:00:45
    """)


async def test_days_have_their_dates() -> None:
    script = Script([(i * 60, sin(i / 200)) for i in range(3000)])
    lines = await picture_after(script, 80, 7, "0")

    assert lines == golden("""
        |       ▸                                              number 0.65408  ▼ 0.00377
        |     1 ┤        ⢀⣠⠤⠤⠤⠤⣄⡀                    ⢀⣠⠤⠤⠤⠤⣄⡀                    ⢀⣠⠤⠤⠤⠤⣄⡀
        |       │      ⣠⠖⠋      ⠙⠲⣄                ⣠⠞⠉      ⠙⠲⣄               ⢀⣠⠞⠉      ⠉
        |     0 ┤     ⠚⠁          ⠈⠳⢤⡀          ⢀⡴⠋⠁          ⠈⠳⣄⡀          ⢀⡴⠋
        |       │                    ⠙⢦⣀      ⣠⠴⠋                ⠙⢦⣀      ⣠⠴⠋
        |    -1 ┤                      ⠈⠙⠒⠒⠒⠒⠋⠁                    ⠈⠙⠒⠒⠒⠒⠋⠁
        | 07-14   12:00:00          07-15         12:00:00          07-16
    """)


async def test_a_window_of_another_day_says_which() -> None:
    script = Script([(i * 60, sin(i / 200)) for i in range(3000)])
    keys = ["0", "left", *["shift+left"] * 6, "right", *["plus"] * 5]
    lines = await picture_after(script, 80, 7, *keys)

    assert lines == golden("""
        |       ▸ held, 0 follows        2025-07-14 17:36:47.812  number 0.99290–0.99349
        |   1.0 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀⡀
        |       │            │              ⠈⠉⠉⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⡀
        |   0.9 ┤            │                                      ⠈⠉⠉⠉⠉⠒⠒⠒⠒⠤⠤⠤⠤⣀⣀⣀⣀
        |       │            │                                                       ⠉⠉⠉⠑
        |   0.8 ┤            │
        | 07-14     17:30:00             18:00:00             18:30:00
    """)


SPIKES = {
    "all_of_them": (
        [],
        """
        |       ▸                                  number 1.1  ▲ 0.1
        |    10 ┤                                    ⡀
        |     8 ┤                                    ⡇
        |     6 ┤                                    ⡇
        |     4 ┤                                    ⡇
        |     2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣇⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
        |     0 ┤
        |                12:00:15     12:00:30     12:00:45
        """,
    ),
    "half_of_them": (
        ["plus"],
        """
        |       ▸                                  number 1.1  ▲ 0.1
        |    10 ┤                    ⢀
        |     8 ┤                    ⢸
        |     6 ┤                    ⢸
        |     4 ┤                    ⢸
        |     2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
        |     0 ┤
        |                     12:00:40         12:00:50
        """,
    ),
    "at_the_cursor": (
        ["left", "shift+left", *["left"] * 5],
        """
        |       ▸ held, 0 follows       12:00:41.772  number 1.0–9.0
        |    10 ┤                                    ⡀
        |     8 ┤                                    ⡇
        |     6 ┤                                    ⡇
        |     4 ┤                                    ⡇
        |     2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣇⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
        |     0 ┤                                    │
        |                12:00:15     12:00:30     12:00:45
        """,
    ),
    "within_eight_seconds": (
        ["left", "shift+left", *["left"] * 5, *["plus"] * 3],
        """
        |       ▸ held, 0 follows       12:00:42.303  number 1.0–1.1
        |    10 ┤                                 ⢀  │
        |     8 ┤                                 ⢸  │
        |     6 ┤                                 ⢸  │
        |     4 ┤                                 ⢸  │
        |     2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
        |     0 ┤                                    │
        |          12:00:38      12:00:40     12:00:42      12:00:44
        """,
    ),
    "within_a_second": (
        ["left", "shift+left", *["left"] * 5, *["plus"] * 6, *["shift+left"] * 2, *["right"] * 2],
        """
        |       ▸ held, 0 follows       12:00:41.994  number 1.0–9.0
        |    10 ┤                  ⢀
        |     8 ┤                  ⢸
        |     6 ┤                  ⢸
        |     4 ┤                  ⢸
        |     2 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
        |     0 ┤                  │
        |                     12:00:42.0                12:00:42.5
        """,
    ),
}


@pytest.mark.parametrize("name", SPIKES)
async def test_one_value_among_a_million_is_seen(million: Script, name: str) -> None:
    keys, expected = SPIKES[name]

    assert await picture_after(million, 60, 8, *keys) == golden(expected)


async def test_the_window_stands_still_while_it_is_held() -> None:
    script = paused_once()
    app = ChartApp(script)
    async with app.run_test(size=(60, 8)) as pilot:
        chart = app.chart
        chart.action_zoom(0.25)
        chart.action_pan(-1)
        held, frames = shown(chart), chart.frames
        assert "held, 0 follows" in held[0]
        for _ in range(50):
            script.end_ns += SECOND
            script.series.append(script.end_ns, 99.0)
            chart.pull()
        assert shown(chart) == held
        assert chart.frames == frames

        chart.action_reset()
        await pilot.pause()
        assert "held" not in shown(chart)[0]
        assert "number 99" in shown(chart)[0]


async def test_the_mouse_zooms_pans_and_sets_the_cursor() -> None:
    app = ChartApp(paused_once())
    async with app.run_test(size=(68, 8)) as pilot:
        chart, window = app.chart, app.chart.window
        span, about = window.span_ns, window.stretch(30)[0]
        await pilot._post_mouse_events([events.MouseScrollUp], chart, offset=(8 + 30, 3), times=1)
        await until(pilot, lambda: window.span_ns < span, "less time is shown")
        assert abs((window.cell_of(about) or 0) - 30) <= 1
        assert "held, 0 follows" in shown(chart)[0]

        end = window.end_ns
        await pilot.mouse_down(chart, offset=(20, 3))
        await pilot.hover(chart, offset=(30, 3))
        await pilot.mouse_up(chart, offset=(30, 3))
        there = end - 20 * window.dot_ns
        await until(pilot, lambda: window.end_ns == there, "it has gone ten cells")
        assert window.cursor_ns is None

        await pilot.click(chart, offset=(8 + 17, 4))
        await until(pilot, lambda: window.cursor == 17, "the cursor stands there")
        assert shown(chart)[2][8 + 17] != " "

        span = window.span_ns
        await pilot._post_mouse_events([events.MouseScrollDown], chart, offset=(8 + 3, 3), times=1)
        await until(pilot, lambda: window.span_ns > span, "more time is shown")


async def test_a_drag_to_the_right_edge_follows_again() -> None:
    app = ChartApp(paused_once())
    async with app.run_test(size=(68, 8)) as pilot:
        chart, window = app.chart, app.chart.window
        chart.action_zoom(0.25)
        chart.action_pan(-1)
        assert window.held is not None
        await pilot.mouse_down(chart, offset=(60, 3))
        await pilot.hover(chart, offset=(10, 3))
        await pilot.mouse_up(chart, offset=(10, 3))
        await until(pilot, lambda: window.held is None, "it follows")


async def test_the_logs_cursor_is_shown_and_brought_into_sight() -> None:
    app = ChartApp(paused_once())
    async with app.run_test(size=(60, 8)) as pilot:
        chart = app.chart
        chart.frozen = True
        chart.log_cursor_ns = NOON + 40 * SECOND
        await pilot.pause()
        column = shown(chart)[-1].index("▴")
        assert chart.window.cell_of(NOON + 40 * SECOND) == column - 8
        assert any(line[column : column + 1] == "╎" for line in shown(chart))

        chart.action_zoom(0.1)
        assert "▴" in shown(chart)[-1]
        chart.log_cursor_ns = NOON + 2 * SECOND
        await pilot.pause()
        assert "▴" in shown(chart)[-1]
        assert chart.window.start_ns <= NOON + 2 * SECOND < chart.window.stop_ns
        # Going away from there is not prevented.
        chart.action_pan(1)
        chart.action_pan(1)
        chart.action_pan(1)
        chart.action_pan(1)
        assert "▴" not in shown(chart)[-1]

        chart.log_cursor_ns = None
        chart.frozen = False
        assert "▴" not in shown(chart)[-1]


async def test_names_are_printable_and_more_than_six_lines_are_left_out() -> None:
    script = two_lines()
    for number in range(9):
        script.add(f"\x1b[31mfield{number}", [(0, number)])
    lines = await picture_of(script, 120, 20)

    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "field3" in text
    assert "field4" not in text


@pytest.mark.parametrize("keys", [[], ["left", "left"]])
async def test_six_lines_on_tiny_sizes_show_what_fits(keys: list[str]) -> None:
    script = six_lines()
    script.add("none", [])
    app = ChartApp(script)
    async with app.run_test(size=(60, 8)) as pilot:
        app.chart.focus()
        await press(pilot, app, *keys)
        for width in (60, 41, 33, 18, 5, 1):
            for height in (8, 5, 3, 2, 1):
                size = (width, height)
                await pilot.resize_terminal(width, height)
                await until(pilot, lambda: app.chart.size == size, "it has its size")  # noqa: B023
                app.chart.pull()
                lines = shown(app.chart)
                assert len(lines) == height
                assert all(len(line) <= width for line in lines)


async def test_lines_that_come_and_go() -> None:
    script = two_lines()
    app = ChartApp(script)
    async with app.run_test(size=(80, 9)) as pilot:
        chart = app.chart
        chart.focus()
        await press(pilot, app, "down")
        assert "2▸volume" in "\n".join(shown(chart))
        more, script.more = script.more, []
        chart.pull()
        assert "volume" not in "\n".join(shown(chart))
        assert shown(chart)[0].endswith("price 78.8342  ▼ 0.0064")
        script.more = more
        script.add("empty", [])
        chart.pull()
        assert "3 empty" in "\n".join(shown(chart))
        assert "–" in shown(chart)[2]


async def test_another_axis_is_named_and_forgets_the_place() -> None:
    script = paused_once()
    app = ChartApp(script)
    async with app.run_test(size=(80, 9)):
        chart = app.chart
        chart.action_pan(-1)
        chart.action_zoom(0.3)
        chart.action_pan(-1)
        assert chart.window.held is not None
        script.axis = "event"
        chart.pull()
        assert chart.window.held is None
        assert "event time" in shown(chart)[0]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_lines_differ_in_colour(theme: str) -> None:
    app = ChartApp(six_lines())
    async with app.run_test(size=(80, 9)) as pilot:
        app.theme = theme
        await pilot.pause()
        found = {app.chart.look(kind).color for kind in LINES}
        assert len(found) == 6


async def test_enter_chooses_what_stands_out_at_the_cursor(million: Script) -> None:
    chosen: list[int] = []

    class Listening(ChartApp):
        def on_chart_chosen(self, event: Chart.Chosen) -> None:
            chosen.append(event.time_ns)

    app = Listening(million)
    async with app.run_test(size=(60, 8)) as pilot:
        app.chart.focus()
        await press(pilot, app, "enter", "left", "shift+left", *["left"] * 5, "enter")
        await until(pilot, lambda: chosen, "something is chosen")
    assert chosen == [NOON + round(700_123 * 0.00006 * SECOND)]
