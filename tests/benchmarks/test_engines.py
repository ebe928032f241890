"""The load on real workers, for two seconds; nothing here looks at how long anything takes."""

from benchmarks import engines, mail, report
from benchmarks.engines import Figure
from tests.everything import long


@long
def test_each_load_comes_to_its_end_and_is_reported():
    figures = [*engines.measure(2), *mail.measure(2)]
    assert [figure.name for figure in figures] == [
        "assigned_nudged",
        "assigned_by_beat",
        "fired",
        "replanned",
        "written_meanwhile",
        "idle",
        "delivered",
    ]
    table = report.load_table(report.results({}, {}, figures)["engines"])
    assert all(f"| {figure.title} |" in table for figure in figures)


def test_a_figure_beyond_what_it_may_be_is_named():
    figure = Figure("slow", "Something slow", 2.5, "s", 2.0)
    found = report.results({}, {}, [figure])
    assert not figure.is_kept
    assert report.exceeded(found, {}) == ["Something slow: 2.50 s, allowed are 2"]
