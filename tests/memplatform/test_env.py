"""The readers of the environment: loud about what they cannot read."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from memplatform import env


@pytest.mark.parametrize(
    ("read", "raw", "value"),
    [
        (lambda: env.envint("X", 5), None, 5),
        (lambda: env.envint("X", 5), " 7 ", 7),
        (lambda: env.envfloat("X", 1.0), "0.25", 0.25),
        (lambda: env.envbool("X", default=False), "Yes", True),
        (lambda: env.envbool("X", default=True), "", False),  # set but empty
        (lambda: env.envlist("X", ["a"]), "b, c,,", ["b", "c"]),
        (lambda: env.envorigins("X"), "http://a:81, *", ["http://a:81", "*"]),
        (lambda: env.envnetworks("X"), "10.0.0.0/8", [ip_network("10.0.0.0/8")]),
        (lambda: env.envstr("X", "word"), None, "word"),
        (lambda: env.envsecret("X", placeholder="none"), "", "none"),
    ],
)
def test_it_reads(monkeypatch, read, raw, value):
    monkeypatch.delenv("X", raising=False)
    if raw is not None:
        monkeypatch.setenv("X", raw)
    assert read() == value


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda: env.envint("X", 5), "five"),
        (lambda: env.envint("X", 5, minimum=3), "2"),
        (lambda: env.envfloat("X", 1.0), "much"),
        (lambda: env.envfloat("X", 1.0), "nan"),  # not at least anything
        (lambda: env.envbool("X", default=False), "perhaps"),
        (lambda: env.envorigins("X"), "app.example.com"),
        (lambda: env.envorigins("X"), "https://app.example.com/"),
        (lambda: env.envorigins("X"), "https://"),
        (lambda: env.envnetworks("X"), "proxy"),
        (lambda: env.envnetworks("X"), "10.0.0.1/8"),
        (lambda: env.database("X", ""), "mysql://u@h/db"),
        (lambda: env.database("X", ""), "postgresql://u@h/"),
    ],
)
def test_it_refuses_by_name(monkeypatch, read, raw):
    monkeypatch.setenv("X", raw)
    with pytest.raises(SystemExit, match="X="):
        read()


def test_a_refused_url_keeps_its_password(monkeypatch):
    monkeypatch.setenv("X", "mysql://u:secret@h/db")
    with pytest.raises(SystemExit) as refused:
        env.database("X", "")
    assert "secret" not in str(refused.value)


def test_it_reads_a_database_url(monkeypatch):
    monkeypatch.setenv(
        "X", "postgresql://us%40er:p%2Fw@host:6432/my%20db?sslmode=require"
    )
    found = env.database("X", "")
    assert (found["USER"], found["PASSWORD"]) == ("us@er", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("host", "6432", "my db")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_the_environment_wins_over_the_last_start(monkeypatch, tmp_path):
    (tmp_path / "settings.env").write_text("MINE=file\nNEW=a=b\nnonsense\n")
    monkeypatch.setenv("MEMPLATFORM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MINE", "environment")
    monkeypatch.setenv("NEW", "")
    monkeypatch.delenv("NEW")
    env.load_embedded()
    assert (env.envstr("MINE"), env.envstr("NEW")) == ("environment", "a=b")


def test_no_last_start_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMPLATFORM_DATA_DIR", str(tmp_path / "absent"))
    env.load_embedded()
