"""Change a project's prompts: draft, publish, a share first, and back again.

A draft is nobody's business but the admins': it gets a number, and with it a text that
never changes again, when it is first to speak in earnest. Every change is audited and
tells every process that the project's setup is another (``touch_project``). Opens its
own scopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from django.db.models import Max

from memories.models import PromptDraft, PromptTemplate, PromptVersion
from memories.models.prompts import NOTE_CHARS
from memories.pipeline.prompt_sections import check_prompt
from memories.pipeline.prompting import room_for_data, system_text
from memories.prompts import content_hash, shipped_prompts
from memories.prompts.purposes import PURPOSES
from memories.providers.tokens import bound_tokens
from memories.selectors.projects import ProjectSetup, get_setup
from memories.selectors.prompts import get_published, get_template, get_version
from memories.services.setup import ready_setup
from memories.store.spaces import touch_project
from memories.types import EngineOptions, PromptText
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound, ProviderWindowTooSmall
from tenants.audit import Actor, record_audit
from tenants.scopes import tenant_scope
from tenants.selectors import Access

SCHEMA_TOKENS = 1_500
"""What the schema of an answer takes beside a prompt, at most."""
CHANGED_MEANWHILE = (
    "Somebody saved another text since you opened this draft. Compare yours with it, "
    "then save again."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text to be kept. ``seen_hash`` is that of the draft as it was opened, if one
    was there: what was saved since is not overwritten unseen.
    """

    text: str
    note: str = ""
    seen_hash: str = ""
    based_on: int | None = None


def save_draft(access: Access, purpose: str, draft: Draft) -> PromptDraft:
    """Keep the text that is being worked on. Raises NotFound, and InvalidRequest for a
    text that could not be spoken, naming the field.
    """
    text = draft.text.replace("\r\n", "\n")
    if len(draft.note) > NOTE_CHARS:
        _refuse("note", f"A note has {NOTE_CHARS} characters at most.")
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(purpose)
        _refuse_faulty(purpose, text)
        known = PromptDraft.objects.filter(template=template).first()
        _refuse_unseen(known, draft.seen_hash, text)
        if draft.based_on is not None:
            based_on = get_version(template, draft.based_on)
        else:
            based_on = known.based_on if known else get_published(template)
        row, _ = PromptDraft.objects.update_or_create(
            template=template,
            defaults={
                "project_id": access.project_id,
                "text": text,
                "text_hash": content_hash(text),
                "note": draft.note.strip(),
                "based_on": based_on,
                "author_id": access.operator_id,
                "updated_at": clock.now(),
            },
        )
        changes = {
            "purpose": [None, purpose],
            "text_hash": [known.text_hash if known else None, row.text_hash],
        }
        _audit(access, "prompt.draft", template, changes)
        return row


def discard_draft(access: Access, purpose: str) -> None:
    """Throw the draft of a prompt away; raises NotFound without one."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(purpose)
        deleted, _ = PromptDraft.objects.filter(template=template).delete()
        if not deleted:
            raise NotFound("This prompt has no draft.")
        _audit(access, "prompt.discard", template, {"purpose": [purpose, None]})


def adopt_shipped(access: Access, purpose: str) -> PromptDraft:
    """Make the text that this release ships the draft, to be tried and published."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = get_template(purpose)
        known = PromptDraft.objects.filter(template=template).first()
    shipped = shipped_prompts()[purpose].text
    seen = known.text_hash if known else ""
    return save_draft(access, purpose, Draft(shipped, "The shipped text", seen))


def publish(access: Access, purpose: str, number: int | None = None) -> int:
    """Let a version, or the draft (None), speak from now on; its number.

    An older version is rolled back to. A share that was on trial ends with it. Raises
    NotFound, and InvalidRequest when it leaves the model no room.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(purpose)
        version = version_to_speak(access, template, number)
        _refuse_without_room(get_setup(access.project_id), purpose, version.text)
        old = get_published(template)
        if version.id == old.id:
            _refuse("version", f"Version {old.number} is published already.")
        _end_canaries(template)
        PromptVersion.objects.filter(id=old.id).update(is_published=False)
        PromptVersion.objects.filter(id=version.id).update(
            is_published=True, published_at=clock.now(), canary_share=0.0
        )
        touch_project(access.project_id)
        is_back = version.number < old.number
        action = "prompt.rollback" if is_back else "prompt.publish"
        _audit_versions(access, action, template, old.number, version.number)
        return version.number


def start_canary(
    access: Access, purpose: str, share: float, number: int | None = None
) -> int:
    """Let a version, or the draft, speak for a share (0..1) of ingestions; its number.

    The share of a version that has one may be changed; another version's ends. Raises
    InvalidRequest for a prompt that is not spoken for ingestions.
    """
    if not 0 < share < 1:
        _refuse("share", "A share is more than none and less than all.")
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(purpose)
        if not PURPOSES[purpose].is_of_adds:
            _refuse("share", "This prompt is spoken apart from adds: publish it whole.")
        version = version_to_speak(access, template, number)
        _refuse_without_room(get_setup(access.project_id), purpose, version.text)
        if version.is_published:
            _refuse("version", f"Version {version.number} is published already.")
        _end_canaries(template)
        PromptVersion.objects.filter(id=version.id).update(canary_share=share)
        touch_project(access.project_id)
        changes = {
            "version": [None, version.number],
            "share": [version.canary_share, share],
            "purpose": [None, purpose],
        }
        _audit(access, "prompt.canary", template, changes)
        return version.number


def withdraw_canary(access: Access, purpose: str) -> int:
    """The published version speaks for all again; the number of the one withdrawn."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(purpose)
        canary = PromptVersion.objects.filter(template=template, canary_share__gt=0)
        version = canary.exclude(is_published=True).first()
        if version is None:
            raise NotFound("No version of this prompt speaks for a share.")
        _end_canaries(template)
        touch_project(access.project_id)
        changes = {
            "version": [version.number, None],
            "share": [version.canary_share, 0.0],
            "purpose": [purpose, None],
        }
        _audit(access, "prompt.canary", template, changes)
        return version.number


def ready_prompts(access: Access) -> ProjectSetup:
    """The project's setup, with a version of every prompt that is shipped."""
    return ready_setup(access.tenant_id, access.project_id)


def version_to_speak(
    access: Access, template: PromptTemplate, number: int | None
) -> PromptVersion:
    """A version, or the draft as a new one; inside the scope, the template locked.

    A draft that says what a version says already is that version.
    """
    if number is not None:
        return get_version(template, number)
    draft = PromptDraft.objects.filter(template=template).first()
    if draft is None:
        raise NotFound("This prompt has no draft.")
    PromptDraft.objects.filter(id=draft.id).delete()
    versions = PromptVersion.objects.filter(template=template)
    same = versions.filter(text_hash=draft.text_hash).order_by("-number").first()
    if same is not None:
        return same
    last: int = versions.aggregate(last=Max("number"))["last"] or 0
    shipped = shipped_prompts().get(template.purpose)
    return PromptVersion.objects.create(
        project_id=access.project_id,
        template=template,
        number=last + 1,
        text=draft.text,
        text_hash=draft.text_hash,
        note=draft.note,
        is_shipped=bool(shipped and content_hash(shipped.text) == draft.text_hash),
        author_id=draft.author_id,
        created_at=clock.now(),
    )


# --- parts --------------------------------------------------------------------------


def lock_template(purpose: str) -> PromptTemplate:
    """The template, held until the end of the open scope; raises NotFound."""
    found = get_template(purpose)
    return PromptTemplate.objects.select_for_update().get(id=found.id)


def _end_canaries(template: PromptTemplate) -> None:
    shared = PromptVersion.objects.filter(template=template, canary_share__gt=0)
    shared.update(canary_share=0.0)


def _refuse(field: str, message: str) -> NoReturn:
    raise InvalidRequest(message, fields={field: [message]})


def _refuse_faulty(purpose: str, text: str) -> None:
    problems = check_prompt(purpose, text).problems
    if problems:
        raise InvalidRequest(problems[0], fields={"text": list(problems)})


def _refuse_unseen(known: PromptDraft | None, seen_hash: str, text: str) -> None:
    if known and known.text_hash not in (seen_hash, content_hash(text)):
        _refuse("text", CHANGED_MEANWHILE)


def _refuse_without_room(setup: ProjectSetup, purpose: str, text: str) -> None:
    """Else every add from now on would fail with ProviderWindowTooSmall."""
    _refuse_faulty(purpose, text)
    if setup.chat is None:
        return
    settings = setup.settings
    options = EngineOptions(
        reference=clock.now(),
        instructions=settings.instructions,
        agent_instructions=settings.agent_instructions,
        categories=settings.categories,
        includes=settings.includes,
        excludes=settings.excludes,
        usecase=setup.client.usecase,
        depth=setup.client.memory_depth,
    )
    system = system_text(PromptText(purpose, text), options)
    try:
        room_for_data(setup.chat.context_tokens, bound_tokens(system) + SCHEMA_TOKENS)
    except ProviderWindowTooSmall as exc:
        raise InvalidRequest(exc.message, fields={"text": [exc.message]}) from exc


def _audit_versions(
    access: Access, action: str, template: PromptTemplate, old: int, new: int
) -> None:
    changes = {"version": [old, new], "purpose": [None, template.purpose]}
    _audit(access, action, template, changes)


def _audit(
    access: Access,
    action: str,
    template: PromptTemplate,
    changes: Mapping[str, Any],
) -> None:
    record_audit(action, template, actor=Actor.of(access), changes=changes)
