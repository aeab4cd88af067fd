"""What was given is told apart from what an earlier start has left."""

from __future__ import annotations

import pytest

from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.environment import read_environment


@pytest.fixture
def data(tmp_path, monkeypatch) -> DataDirectory:
    for name in ("DATABASE_URL", "BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    data = DataDirectory(tmp_path)
    data.make()
    return data


def test_a_value_of_the_last_start_is_not_given(data, monkeypatch):
    data.write_text("settings.env", "DATABASE_URL=postgresql://old\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://old")
    environment = read_environment(data)
    assert not environment.is_given("DATABASE_URL")
    assert "DATABASE_URL" not in environment.as_mapping()


def test_a_given_value_wins_and_is_not_kept(data, monkeypatch):
    data.write_text("settings.env", "DATABASE_URL=postgresql://old\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://mine")
    environment = read_environment(data)
    environment.generate(DATABASE_URL="postgresql://made", BROKER_URL="redis://made")
    environment.save(data)
    assert environment.as_mapping()["DATABASE_URL"] == "postgresql://mine"
    assert (data.path / "settings.env").read_text() == "BROKER_URL=redis://made\n"


def test_an_empty_value_is_not_given(data, monkeypatch):
    monkeypatch.setenv("BROKER_URL", "")
    environment = read_environment(data)
    environment.generate(BROKER_URL="redis://made")
    assert environment.as_mapping()["BROKER_URL"] == "redis://made"
