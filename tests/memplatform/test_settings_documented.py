"""No setting without a word: everything read from the environment is in .env.example."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
READ = re.compile(
    r"""(?:env(?:str|int|float|bool|list|secret|origins|networks)|database|environ\.get)\(\s*"([A-Z_]+)\""""
)
DOCUMENTED = re.compile(r"^#?\s?([A-Z][A-Z_]+)=", re.MULTILINE)
# Read by the platform, but Django's own way of being told which settings to use.
DJANGO_ITSELF = {"DJANGO_SETTINGS_MODULE"}


def names_read() -> set[str]:
    sources = [ROOT / "manage.py", *(ROOT / "memplatform").rglob("*.py")]
    texts = (path.read_text() for path in sources)
    return {name for text in texts for name in READ.findall(text)} - DJANGO_ITSELF


def test_it_finds_settings_at_all():
    assert {"DATABASE_URL", "PORT", "WEB_WORKERS", "MAX_BODY_BYTES"} <= names_read()


def test_env_example_names_them_all():
    documented = set(DOCUMENTED.findall((ROOT / ".env.example").read_text()))
    compose = (ROOT / "docker-compose.yml").read_text()
    for_compose_only = {
        name for name in documented - names_read() if f"${{{name}" in compose
    }
    assert documented - for_compose_only == names_read()


def test_the_readme_names_them_all():
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else None
    assert text is None or {n for n in names_read() if f"`{n}`" not in text} == set()
