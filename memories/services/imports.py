"""Imports: a file of memories comes in, batch by batch; what is there already stays.

A batch is read, embedded outside any transaction, and written in one, together with how
far the import has come: a run that dies goes on behind it. The same story serves an
uploaded file, run by a worker, and a local one, run by a command.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid5

from django.conf import settings

from memories import wake
from memories.exports.facts import ImportedFact, read_fact
from memories.exports.history import read_line
from memories.exports.lines import END, ENTITY, FORMAT, HEADER, MEMORY
from memories.exports.parsing import Wrong
from memories.exports.reading import Record, read_records
from memories.models import Import, ImportChunk, Operation
from memories.pipeline.gate import concerns_about
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.sources import Source
from memories.services.setup import ready_setup
from memories.store import operations
from memories.store.batch import Cause
from memories.store.bringing import ADDED, KNOWN, Bringer
from memories.store.files import drop_import_files
from memories.store.operations import Lease
from memories.store.spaces import fill_unheard
from memories.store.transfer import (
    CONCERNS,
    NewFact,
    already_here,
    bring_facts,
    bring_lines,
)
from memories.types import STATE_RULES, Actor, Concern, JsonDict, Scope, State
from memplatform.lib import clock, logs
from memplatform.lib.errors import BodyTooLarge, InvalidRequest
from tenants.scopes import tenant_scope
from tenants.selectors import Access

BATCH = 50
BATCH_BYTES = 8 * 1024 * 1024
"""Of a file; a batch of long records ends when it has read so much."""
BATCHES_A_RUN = 100
"""Then others may have the worker."""
PIECE_BYTES = 256 * 1024
MOST_PROBLEMS = 1_000
RAW = "memplatform"
GONE = "file_gone"
"""The error code of an import whose file was dropped before it was through."""
FILE_GONE = "The file is kept no more: send it again."


# --- taking a file in -----------------------------------------------------------------


def accept_upload(
    access: Access, form: str, scope: Scope, pieces: Iterable[bytes]
) -> Import:
    """Store a file as it comes, then wake a worker; each piece in its own scope.

    Raises BodyTooLarge, and InvalidRequest for an empty file; nothing of it is kept.
    """
    ids = (access.tenant_id, access.project_id)
    with tenant_scope(ids[0], project_id=ids[1]):
        row = Import.objects.create(
            project_id=access.project_id, format=form, scope=scope.as_dict()
        )
    try:
        _store(row, pieces)
    except BaseException:
        with tenant_scope(ids[0], project_id=ids[1]):
            drop_import_files([row.id])
            row.delete()
        raise
    with tenant_scope(ids[0], project_id=ids[1]):
        return _accept(access, row)


def _store(row: Import, pieces: Iterable[bytes]) -> None:
    for number, piece in enumerate(pieces):
        row.size_bytes += len(piece)
        if row.size_bytes > settings.IMPORT_MAX_BYTES:
            most = settings.IMPORT_MAX_BYTES
            raise BodyTooLarge(f"A file may have {most} bytes at most.")
        with tenant_scope(row.tenant_id, project_id=row.project_id):
            ImportChunk.objects.create(
                project_id=row.project_id,
                upload_id=row.id,
                number=number,
                content=piece,
            )
    if not row.size_bytes:
        raise InvalidRequest("The file is empty.")


def _accept(access: Access, row: Import) -> Import:
    now = clock.now()
    row.operation = Operation.objects.create(
        project_id=access.project_id,
        kind=Operation.Kind.IMPORT,
        payload={"import_id": str(row.id)},
        request_id=logs.request_id.get(),
        **access.asker,
        woken_at=now,
        created_at=now,
        updated_at=now,
    )
    row.status, row.created_at = Import.Status.PENDING, now
    row.save()
    wake.after_commit(wake.RUN_OPERATION, access.tenant_id, row.operation.id)
    return row


def open_local(
    tenant_id: UUID, project_id: UUID, form: str, scope: Scope, file: Path
) -> Import:
    """The import of a local file: the one that was begun with it before, or a new one.

    Opens its own scope. What it is told by is the file's bytes, and whose it is.
    """
    print_of_it = sha256(json.dumps([form, scope.as_dict()]).encode())
    with file.open("rb") as source:
        for piece in pieces_of(source):
            print_of_it.update(piece)
    fingerprint = print_of_it.hexdigest()
    with tenant_scope(tenant_id, project_id=project_id):
        begun = Import.objects.filter(
            fingerprint=fingerprint, operation=None, status=Import.Status.PENDING
        )
        return begun.order_by("created_at").last() or Import.objects.create(
            project_id=project_id,
            format=form,
            scope=scope.as_dict(),
            status=Import.Status.PENDING,
            fingerprint=fingerprint,
            size_bytes=file.stat().st_size,
        )


def pieces_of(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(PIECE_BYTES):
        yield piece


# --- bringing it in -------------------------------------------------------------------


def run_import(operation: Operation, lease: Lease) -> None:
    """Bring in what an uploaded file holds; resumes behind the last batch."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        row = Import.objects.get(id=operation.payload["import_id"])
        if not ImportChunk.objects.filter(upload_id=row.id).exists():
            held = operations.hold(lease)
            operations.fail(held, GONE, FILE_GONE)
            return
    importer = Importer(row, lease, actor=operation.asked_by)
    for batches, _ in enumerate(importer.run(_stored_pieces(row)), start=1):
        if batches == BATCHES_A_RUN:
            with tenant_scope(operation.tenant_id, project_id=operation.project_id):
                operations.pause(operations.hold(lease))
            return
    importer.finish()


def _stored_pieces(row: Import) -> Iterator[bytes]:
    number = 0
    while True:
        with tenant_scope(row.tenant_id, project_id=row.project_id):
            chunk = ImportChunk.objects.filter(upload_id=row.id, number=number).first()
        if chunk is None:
            return
        yield bytes(chunk.content)
        number += 1


@dataclass(slots=True)
class _Batch:
    """Records of one transaction: what they hold, or why they are refused."""

    records: Sequence[Record]
    facts: list[ImportedFact] = field(default_factory=list)
    lines: list[tuple[int, JsonDict]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


_SYSTEM = Actor("system")


class Importer:
    """One import on its way in; without a ``lease`` nobody else can work on it."""

    def __init__(
        self, row: Import, lease: Lease | None, *, actor: Actor = _SYSTEM
    ) -> None:
        self._row, self._lease = row, lease
        self._setup = ready_setup(row.tenant_id, row.project_id)
        space = self._setup.active_space
        self._bringer = Bringer(
            project_id=row.project_id,
            accepted_at=row.created_at,
            language=self._setup.text_config,
            cause=Cause(actor.kind, actor.id, row.operation_id, reason="imported"),
            space_id=space.id if space else None,
        )
        self._read_bytes = 0

    def run(self, pieces: Iterable[bytes]) -> Iterator[Import]:
        """Yields after each batch; the records that are settled are passed over."""
        form = "json" if self._row.format == RAW else self._row.format
        records = read_records(self._counted(pieces), form)
        for batch in self._batches(islice(records, self._row.done, None)):
            self._take(batch)
            yield self._row

    def finish(self) -> None:
        """The file is through: say so, and forget its bytes.

        What was said in it is embedded by an operation of its own, for the windows.
        """
        row = self._row
        with tenant_scope(row.tenant_id, project_id=row.project_id):
            operation = operations.hold(self._lease) if self._lease else None
            row.status, row.completed_at = Import.Status.FINISHED, clock.now()
            row.read_bytes = max(row.read_bytes, row.size_bytes)
            row.save(update_fields=["status", "completed_at", "read_bytes"])
            drop_import_files([row.id])
            if operation is not None:
                operations.succeed(operation, [])
            fill_unheard(row.project_id)

    def _batches(self, records: Iterator[Record]) -> Iterator[_Batch]:
        while first := next(records, None):
            taken, begins_at = [first], self._read_bytes
            for record in islice(records, BATCH - 1):
                taken.append(record)
                if self._read_bytes - begins_at > BATCH_BYTES:
                    break
            yield _Batch(taken)

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._read_bytes += len(piece)
            yield piece

    def _take(self, batch: _Batch) -> None:
        now = clock.now()
        for record in batch.records:
            self._read(batch, record, now)
        texts = self._embedded(batch)
        row = self._row
        with tenant_scope(row.tenant_id, project_id=row.project_id):
            operation = operations.hold(self._lease) if self._lease else None
            self._bring(batch, texts)
            if operation is not None:
                operation.attempts = 1
                operation.save(update_fields=["attempts"])
                operations.renew(operation, lease_s=settings.LEASE_S)
            row.done += len(batch.records)
            row.read_bytes = max(row.read_bytes, self._read_bytes)
            row.refused += len(batch.problems)
            told = [{"line": line, "reason": why} for line, why in batch.problems]
            row.problems = [*row.problems, *told][:MOST_PROBLEMS]
            row.save(update_fields=list(_PROGRESS))

    def _read(self, batch: _Batch, record: Record, now: Any) -> None:
        """Into what it is; the lines that frame a raw export hold nothing."""
        value = record.value
        try:
            if value is None:
                raise Wrong(record.problem)
            if value.get("type") == HEADER and "format" in value:
                self._row.format = RAW
                if value["format"] != FORMAT:
                    raise Wrong(f"must be {FORMAT}.", "format")
            elif self._row.format != RAW:
                scope = Scope(**self._row.scope)
                most = settings.MAX_MESSAGE_CHARS
                batch.facts.append(read_fact(record.line, value, scope, most))
            elif value.get("type") != END:
                line = self._screened(read_line(value, now))
                batch.lines.append((record.line, line))
        except Wrong as exc:
            batch.problems.append((record.line, str(exc)))

    def _embedded(self, batch: _Batch) -> Mapping[str, SpaceVectors]:
        """Vectors of the texts that are new here; never inside a transaction."""
        here = self._already_here(batch)
        texts = [fact.text for fact in batch.facts if self._id_of(fact) not in here]
        for _, line in batch.lines:
            for version in () if line.get("id") in here else line.get("versions", ()):
                number = version["vector_number"] or version["number"]
                if version["text"] and number == version["number"]:
                    texts.append(version["text"])
            if line["type"] == ENTITY and line["id"] not in here:
                texts.append(line["name"])
        wanted = list(dict.fromkeys(texts))
        vectors = embed_in_spaces(
            self._setup.embedders, wanted, building=self._setup.building
        )
        return dict(zip(wanted, vectors, strict=True))

    def _already_here(self, batch: _Batch) -> set[UUID]:
        row = self._row
        ids = [self._id_of(fact) for fact in batch.facts]
        ids += [line["id"] for _, line in batch.lines if line["type"] == MEMORY]
        nodes = [line["id"] for _, line in batch.lines if line["type"] == ENTITY]
        with tenant_scope(row.tenant_id, project_id=row.project_id):
            return already_here(row.project_id, ids, nodes)

    def _bring(self, batch: _Batch, texts: Mapping[str, SpaceVectors]) -> None:
        facts = [self._new(fact) for fact in batch.facts]
        numbers = [fact.line for fact in batch.facts]
        outcomes = bring_facts(self._bringer, facts, texts) if facts else []
        if batch.lines:
            lines = [line for _, line in batch.lines]
            numbers += [number for number, _ in batch.lines]
            outcomes += bring_lines(self._bringer, lines, texts)
        self._row.added += outcomes.count(ADDED)
        self._row.known += outcomes.count(KNOWN)
        batch.problems += [
            (number, outcome)
            for number, outcome in zip(numbers, outcomes, strict=True)
            if outcome not in (ADDED, KNOWN)
        ]

    def _id_of(self, fact: ImportedFact) -> UUID:
        """What has no id gets one made of what it says, the same each time."""
        said = [*fact.scope.as_dict().values(), fact.text, str(fact.created_at)]
        return fact.original_id or uuid5(self._row.project_id, json.dumps(said))

    def _screened(self, line: JsonDict) -> JsonDict:
        """A line, with why its memory is to be reviewed, if others would see it."""
        if line["type"] != MEMORY or not line["versions"]:
            return line
        last = line["versions"][-1]
        if not last["text"] or not STATE_RULES[State(last["state"])].listed:
            return line
        return {**line, CONCERNS: self._concerns(last["text"], line["app_id"])}

    def _concerns(self, text: str, app_id: str | None) -> tuple[Concern, ...]:
        kept = self._setup.settings
        return concerns_about(text, kept, Source(app_id, is_file=True))

    def _new(self, fact: ImportedFact) -> NewFact:
        return NewFact(
            id=self._id_of(fact),
            scope=fact.scope,
            text=fact.text,
            metadata=fact.metadata,
            categories=fact.categories,
            created_at=fact.created_at or self._row.created_at,
            updated_at=fact.updated_at,
            expires_on=fact.expires_on,
            is_immutable=fact.is_immutable,
            replaced_by=fact.replaced_by,
            concerns=self._concerns(fact.text, fact.scope.app_id),
        )


_PROGRESS = (
    *("format", "done", "read_bytes", "added", "known", "refused", "problems"),
)
