from __future__ import annotations

from math import sin

import pytest

from grpctap.core.series import Mark
from grpctap.widgets.picture import NOTHING, WAITING
from support.charts import NOON, SECOND, ChartApp, Script, golden, paused_once, picture_of, shown


async def test_sine() -> None:
    script = Script([(i / 10, 78.6 + 0.35 * sin(i / 40)) for i in range(600)])

    assert await picture_of(script, 60, 9) == golden("""
        |                                   number 78.8342  ▼ 0.0064
        |  79.0 ┤   ⢀⣀⣀⣀                  ⢀⣀⣀⡀                  ⣀⣀⣀⡀
        |       │ ⣠⠖⠉  ⠈⠙⢦⡀             ⣠⠞⠁  ⠈⠳⣄             ⢀⡴⠊⠁  ⠉⠓
        |       │⠞⠁       ⠙⣄          ⣠⠞⠁      ⠈⠳⣄          ⣠⠊
        |  78.5 ┤          ⠈⠳⣄      ⢀⡴⠁          ⠈⢢⡀      ⣠⠞⠁
        |       │            ⠈⠳⣄⣀⣀⣠⠴⠋              ⠙⠢⣄⣀⣀⣠⠞⠁
        |       │
        |  78.0 ┤
        |                12:00:15     12:00:30     12:00:45
    """)


async def test_flat() -> None:
    script = Script([(i / 10, 78.42) for i in range(600)])

    assert await picture_of(script, 60, 7) == golden("""
        |                                       number 78.42  = 0.00
        |  79.5 ┤
        |  79.0 ┤
        |  78.5 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤
        |  78.0 ┤
        |  77.5 ┤
        |                12:00:15     12:00:30     12:00:45
    """)


async def test_step() -> None:
    script = Script([(i / 10, 1.0 if i < 300 else 5.0) for i in range(600)])

    assert await picture_of(script, 60, 7) == golden("""
        |                                              number 5  = 0
        |     5 ┤                         ⢰⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒
        |     4 ┤                         ⢸
        |     3 ┤                         ⢸
        |     2 ┤                         ⢸
        |     1 ┤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠚
        |                12:00:15     12:00:30     12:00:45
    """)


async def test_one_spike_among_a_million() -> None:
    script = Script([(i * 6e-5, 9.0 if i == 654_321 else 1 + i % 7 / 10) for i in range(1_000_000)])

    assert await picture_of(script, 60, 9) == golden("""
        |                                          number 1.0  ▼ 0.6
        |    10 ┤
        |       │                                 ⢸
        |       │                                 ⢸
        |     5 ┤                                 ⢸
        |       │                                 ⢸
        |       │⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣼⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤
        |     0 ┤
        |                12:00:15     12:00:30     12:00:45
    """)


async def test_two_points_far_apart() -> None:
    script = Script([(0, 1.0), (40, 3.0)], 45)

    assert await picture_of(script, 60, 7) == golden("""
        |                                              number 3  ▲ 2
        |     3 ┤                                         ⢀⣀⣀⠤⠤⠔
        |       │                               ⣀⣀⣀⠤⠤⠔⠒⠒⠉⠉⠁
        |     2 ┤                     ⣀⣀⡠⠤⠤⠒⠒⠊⠉⠉
        |       │          ⢀⣀⣀⠤⠤⠔⠒⠒⠉⠉⠉
        |     1 ┤     ⠒⠒⠒⠉⠉⠁
        |         12:00:00       12:00:15        12:00:30
    """)


async def test_one_point() -> None:
    script = Script([(0, 42.0)], 2)

    assert await picture_of(script, 60, 7) == golden("""
        |                                                  number 42
        |  42.5 ┤
        |       │
        |  42.0 ┤                                         ⠂
        |       │
        |  41.5 ┤
        |                   11:59:55                  12:00:00
    """)


async def test_a_pause_is_marked_and_leaves_a_gap() -> None:
    assert await picture_of(paused_once(), 60, 8) == golden("""
        |                     paused 8.7 s ┊      number 20.1  ▼ 0.1
        |    25 ┤    ⢠⡄   ⡄   ⣠   ⢠⡄   ⡄   ⣠       ⢦   ⢰⡀   ⡆   ⣦
        |    24 ┤   ⢀⡎⡇  ⡼⡇  ⣰⢻  ⢀⡎⡇  ⡼⡇  ⣰⠃       ⠈⣆  ⢸⢳   ⡿⡄  ⡏⣆
        |    23 ┤  ⢀⡞ ⡇ ⡸⠁⡇ ⢠⠃⢸ ⢀⡞ ⡇ ⡸⠁⡇ ⢠⠃┊        ⠘⣆ ⢸ ⢧ ⢀⠇⢱⡀ ⡇⠘⣆
        |    22 ┤  ⡜  ⡇⣰⠃ ⡇⢀⠏ ⢸ ⡜  ⡇⣰⠃ ⡇⢀⠏ ┊         ⠘⡄⢸ ⠈⢇⢸  ⢳⡀⡇ ⠘⡄
        |    21 ┤ ⡼⠁  ⣷⠃  ⣇⡞  ⢸⡼⠁  ⣷⠃  ⣇⡞  ┊          ⠹⣸  ⠘⣾   ⢣⡇  ⠹⡀
        |    20 ┤⠐⠁   ⠃   ⠛   ⠘⠁   ⠃   ⠛   ┊           ⠛   ⠘   ⠈⠃   ⠓
        |    12:00:00     12:00:15     12:00:30     12:00:45
    """)


async def test_a_pause_that_goes_on_stands_at_the_right_edge() -> None:
    script = Script([(i / 10, 20 + i % 50 / 10) for i in range(300)], 30.0)
    script.mark(30.0, None, "paused")

    assert await picture_of(script, 60, 8) == golden("""
        |                                         number 24.9  ▲ 0.1
        |    25 ┤       ⢀⡄       ⣠       ⢀⣤       ⢀⡄       ⣠       ⢀⡤
        |    24 ┤     ⢀⡴⠃⡇     ⢀⠞⢹      ⣠⠊⢸     ⢀⡴⠃⡇     ⢀⠞⢹      ⣠⠊┊
        |    23 ┤    ⣠⠊  ⡇   ⢀⡴⠃ ⢸    ⣀⠞⠁ ⢸    ⣠⠊  ⡇   ⢀⡴⠃ ⢸    ⣀⠞⠁ ┊
        |    22 ┤  ⣠⠞    ⡇  ⡰⠋    ⡇ ⢀⡔⠁   ⢸  ⣠⠞    ⡇  ⡰⠋    ⡇ ⢀⡔⠁   ┊
        |    21 ┤⢀⡔⠁     ⡇⣠⠞      ⡇⡰⠋     ⢸⢀⡔⠁     ⡇⣠⠞      ⡇⡰⠋     ┊
        |    20 ┤⠋       ⠓⠁       ⠛       ⠘⠋       ⠓⠁       ⠛       ┊
        |                     12:00:10         12:00:20
    """)


async def test_before_the_first_number() -> None:
    lines = await picture_of(Script([]), 60, 9)

    assert lines[0].strip() == "number"
    assert lines[4] == WAITING[0].center(60).rstrip()
    assert not any(lines[1:4] + lines[5:])


async def test_a_stream_that_has_ended_without_a_number_waits_for_none() -> None:
    script = Script([])
    app = ChartApp(script)
    async with app.run_test(size=(60, 9)):
        app.chart.pull()
        assert shown(app.chart)[4].strip() == WAITING[0]
        script.moving = False
        app.chart.pull()
        assert shown(app.chart)[4].strip() == NOTHING[0]


async def test_without_a_source_it_is_blank() -> None:
    app = ChartApp(None)
    async with app.run_test(size=(20, 5)):
        app.chart.pull()

        assert shown(app.chart) == [""] * 5


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 10)])
async def test_every_size_shows_the_whole(size: tuple[int, int]) -> None:
    lines = await picture_of(paused_once(), *size)

    text = "\n".join(lines)
    assert lines[0].endswith("number 20.1  ▼ 0.1")
    assert "┊ paused 8.7 s" in text
    assert text.count("┊") >= size[1] - 8
    assert sum("┤" in line for line in lines) >= 3
    assert all(line[7] in "┤│" for line in lines[1:-1])
    times = lines[-1].split()
    assert len(times) >= 3
    assert all(len(time) == len("12:00:00") for time in times)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 17, 18, 19, 33])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 6])
async def test_tiny_sizes_show_what_fits(width: int, height: int) -> None:
    for script in (paused_once(), Script([]), Script([(0, 1e300), (1, -1e300)]), Script([(0, 0)])):
        lines = await picture_of(script, width, height)

        assert len(lines) == height
        assert all(len(line) <= width for line in lines)


async def test_a_number_is_never_cut_into_another() -> None:
    assert (await picture_of(Script([(0, 78.42)]), 4, 1)) == ["78.…"]
    assert (await picture_of(Script([(0, 78.42)]), 5, 1)) == ["78.42"]


async def test_marks_close_together_leave_out_their_labels() -> None:
    script = Script([(i / 10, 20 + i % 50 / 10) for i in range(600)])
    for start in range(2, 60, 3):
        script.mark(start, start + 1, "paused 1.0 s")

    text = "\n".join(await picture_of(script, 60, 11))

    assert text.count("┊") > 80
    assert "paused" not in text


async def test_wide_characters_in_names_and_labels() -> None:
    script = paused_once()
    script.name = "価格[bold]"
    script.marks = [Mark(script.marks[0].start_ns, script.marks[0].end_ns, "停止 [b]")]

    lines = await picture_of(script, 60, 11)

    assert "価格[bold] 20.1" in lines[0]
    assert any("停止 [b]" in line for line in lines)


async def test_a_source_that_stands_still_is_not_drawn_again() -> None:
    script = paused_once()
    script.moving = False
    app = ChartApp(script)
    async with app.run_test(size=(80, 24)):
        app.chart.pull()
        frames, looks = app.chart.frames, script.looks
        assert frames

        app.chart.pull()

        assert script.looks > looks
        assert app.chart.frames == frames


async def test_it_is_drawn_again_when_something_changed() -> None:
    script = paused_once()
    app = ChartApp(script)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()

        def drawn() -> bool:
            before = app.chart.frames
            app.chart.pull()
            return app.chart.frames > before

        drawn()
        assert not drawn()
        script.series.append(script.end_ns, 22.0)
        assert drawn()
        script.end_ns += SECOND
        assert drawn()
        script.mark(57, None, "stopped")
        assert drawn()
        script.moving = False
        assert drawn()
        script.name = "other"
        assert drawn()
        assert not drawn()
        script.series = Script([(0, 5.0)]).series
        assert drawn()
        assert "other 5" in shown(app.chart)[0]


async def test_a_frozen_chart_stands_still_whatever_comes() -> None:
    script = paused_once()
    app = ChartApp(script)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = shown(app.chart)
        app.chart.frozen = True
        app.chart.pull()
        frames = app.chart.frames
        for _ in range(100):
            script.end_ns += SECOND
            script.series.append(script.end_ns, 99.0)
        script.mark(90, None, "stopped")
        app.chart.pull()

        assert app.chart.frames == frames
        assert shown(app.chart) == before
        await pilot.resize_terminal(100, 24)
        await pilot.pause()
        assert "number 20.1" in shown(app.chart)[0]
        assert "paused 8.7 s" in "\n".join(shown(app.chart))
        app.chart.frozen = False
        app.chart.pull()
        assert "number 99" in shown(app.chart)[0]


async def test_waiting_costs_nothing_while_time_goes_on() -> None:
    script = Script([])
    app = ChartApp(script)
    async with app.run_test(size=(80, 24)):
        app.chart.pull()
        frames = app.chart.frames
        script.end_ns += 60 * SECOND
        app.chart.pull()

        assert app.chart.frames == frames


async def test_the_time_axis_moves_by_whole_dots() -> None:
    script = Script([(i / 10, i % 17) for i in range(2000)])
    app = ChartApp(script)
    async with app.run_test(size=(68, 11)) as pilot:
        await pilot.pause()
        script.end_ns = NOON + 200 * SECOND
        app.chart.pull()
        frames = app.chart.frames
        # Sixty columns of two dots show a minute, so that a dot is half a second.
        before = [line.ljust(68)[8:] for line in shown(app.chart)[1:-1]]
        for _ in range(10):
            script.end_ns += SECOND // 10
            app.chart.pull()
        after = [line.ljust(68)[8:] for line in shown(app.chart)[1:-1]]

        assert app.chart.frames == frames + 2
        assert any(line.strip() for line in before)
        # The dot at the left edge has lost the one that it was joined to.
        assert [line[1:59] for line in after] == [line[2:60] for line in before]


async def test_a_theme_changes_the_colours_without_a_look_at_the_source() -> None:
    script = paused_once()
    app = ChartApp(script)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        dark = app.chart.render_line(5)
        app.theme = "textual-light"
        await pilot.pause()
        light = app.chart.render_line(5)

        assert dark.text == light.text
        assert [segment.style for segment in dark] != [segment.style for segment in light]
        assert all(segment.style and segment.style.bgcolor for segment in light)


async def test_labels_that_grow_get_their_room() -> None:
    script = Script([(0, 1.0), (1, 2.0)])
    app = ChartApp(script)
    async with app.run_test(size=(60, 11)) as pilot:
        await pilot.pause()
        script.series = Script([(i, 1.000001 + i * 1e-6) for i in range(5)]).series
        script.end_ns = NOON + 4 * SECOND
        app.chart.pull()

        lines = shown(app.chart)
        assert any("1.000002 ┤" in line for line in lines)
        assert len({line.index("┤") for line in lines if "┤" in line}) == 1
