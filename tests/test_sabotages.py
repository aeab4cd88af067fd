"""The table of sabotages follows the code: ``make sabotage`` itself takes minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sabotage import ROOT, Gone, spoil
from tests.sabotages import SABOTAGES, Edit, Sabotage

each_sabotage = pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda s: s.name)


def test_names_are_unique():
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES)


@each_sabotage
def test_what_it_takes_away_stands_once_where_it_says(sabotage):
    for edit in sabotage.edits:
        assert (ROOT / edit.path).read_text().count(edit.old) == 1
        assert edit.old != edit.new


@each_sabotage
def test_the_tests_it_asks_are_there(sabotage):
    for asked in sabotage.tests:
        path, _, name = asked.partition("::")
        assert f"def {name or 'test_'}" in (ROOT / path).read_text()


def test_what_is_gone_is_said(tmp_path: Path):
    (tmp_path / "wall.py").write_text("wall = wall")
    sabotage = Sabotage("wall", "a wall", (Edit("wall.py", "wall"),), ())
    with pytest.raises(Gone, match="2 times"):
        spoil(tmp_path, sabotage)
    assert (tmp_path / "wall.py").read_text() == "wall = wall"


def test_it_can_be_put_back(tmp_path: Path):
    (tmp_path / "wall.py").write_text("wall = 1")
    sabotage = Sabotage("wall", "a wall", (Edit("wall.py", "wall = 1"),), ())
    originals = spoil(tmp_path, sabotage)
    assert (tmp_path / "wall.py").read_text() == ""
    assert originals == {tmp_path / "wall.py": "wall = 1"}
