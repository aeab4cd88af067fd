"""``manage.py export_project`` and ``import_memories``: local files, out and in."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from memories.models import Import
from memories.services import imports, raw_exports
from tenants.scopes import tenant_scope


def run(*args: object) -> str:
    out = StringIO()
    call_command(*map(str, args), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def facts(tmp_path):
    """A file of so many facts of ida's."""

    def facts(count: int):
        file = tmp_path / "facts.jsonl"
        lines = [{"memory": f"Fact {n}", "user_id": "ida"} for n in range(count)]
        file.write_text("\n".join(map(json.dumps, lines)))
        return file

    return facts


def parts(file) -> list[str]:
    """All lines but the first, which says when."""
    return file.read_text().splitlines()[1:]


def test_a_file_comes_in_and_goes_out(acme, globex, facts, tmp_path):
    assert run("import_memories", "acme", facts(3)).startswith("3 added, 0 already")
    out = tmp_path / "acme.jsonl"
    assert run("export_project", "acme", out) == f"{out}: 1 subject, 3 memory.\n"
    assert run("import_memories", "globex", out).startswith("4 added, 0 already there")
    again = tmp_path / "globex.jsonl"
    run("export_project", "globex", again)
    memories = [
        sorted(line for line in parts(file) if '"memory"' in line[:20])
        for file in (out, again)
    ]
    assert memories[0] == memories[1]


def test_an_import_that_was_stopped_goes_on(acme, facts, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    file = facts(5)
    bring, batches = imports.bring_facts, []

    def bring_two(*args):
        batches.append(args)
        if len(batches) == 3:
            raise KeyboardInterrupt
        return bring(*args)

    monkeypatch.setattr(imports, "bring_facts", bring_two)
    with pytest.raises(KeyboardInterrupt):
        run("import_memories", "acme", file)
    monkeypatch.setattr(imports, "bring_facts", bring)
    told = run("import_memories", "acme", file)
    assert told == ("Going on behind record 4.\n5 added, 0 already there, 0 refused.\n")
    with tenant_scope(acme.id):
        assert Import.objects.get().status == "finished"


def test_an_export_that_was_stopped_goes_on(acme, facts, tmp_path, monkeypatch):
    monkeypatch.setattr(raw_exports, "PAGE", 1)
    run("import_memories", "acme", facts(5))
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    run("export_project", "acme", whole)
    for length in (20, 200, len(whole.read_text()) // 2):
        cut.write_text(whole.read_text()[:length])
        run("export_project", "acme", cut, "--resume")
        assert parts(cut) == parts(whole)
    with pytest.raises(CommandError, match="is finished"):
        run("export_project", "acme", cut, "--resume")


def test_a_file_is_gone_on_with_only_for_whom_it_was_begun(
    acme, globex, facts, tmp_path
):
    run("import_memories", "acme", facts(2))
    run("export_project", "acme", tmp_path / "whole")
    cut = tmp_path / "cut"
    lines = (tmp_path / "whole").read_text().splitlines(keepends=True)
    cut.write_text("".join(lines[:2]))
    began = cut.read_text()
    for others in (["globex", cut], ["acme", cut, "--user-id", "ida"]):
        with pytest.raises(CommandError, match="another project or subject"):
            run("export_project", *others, "--resume")
    assert cut.read_text() == began


def test_what_cannot_be_done_is_said(acme, facts, tmp_path):
    file = facts(1)
    with pytest.raises(CommandError, match="exists"):
        run("export_project", "acme", file)
    with pytest.raises(CommandError, match="no export of ours"):
        run("export_project", "acme", file, "--resume")
    with pytest.raises(CommandError, match="There is no file"):
        run("import_memories", "acme", tmp_path / "absent")
    with pytest.raises(CommandError):
        run("import_memories", "nobody", file)


def test_whose_the_records_are_may_be_said_once(acme, tmp_path):
    file = tmp_path / "plain.csv"
    file.write_text("text\nLikes rye\nLikes oats\n")
    told = run("import_memories", "acme", file, "--user-id", "bo")
    assert told.startswith("2 added")
    out = tmp_path / "bo.jsonl"
    assert "2 memory" in run("export_project", "acme", out, "--user-id", "bo")
