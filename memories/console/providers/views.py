"""Which models serve a project: its own, the platform's, or the local ones."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from memories.console.providers.forms import FORMS, ProviderForm
from memories.models import ProviderConfig
from memories.providers.factory import has_chat, has_reranker
from memories.selectors.projects import ProjectSetup, get_setup
from memories.selectors.spaces import Filling, find_filling
from memories.services import configuration, reembedding
from memories.services.providers import Tried, try_provider
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.console.live import STOP_ASKING, etag_of, show_live, unchanged
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role
from tenants.selectors import get_project

KEYS = tuple(f"{kind}-api_key" for kind in FORMS)
NO_RERANKER = "none: a search that asks for one is not reranked, and says so"
SAVED = {
    ProviderConfig.Kind.CHAT: "The next add uses it.",
    ProviderConfig.Kind.EMBEDDING: "Memories are not moved yet.",
    ProviderConfig.Kind.RERANK: "Searches that say rerank: true use it.",
}


@project_page(read=Role.ADMIN)
def providers(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Every endpoint, and the space that memories are read from."""
    return _page(request, visit)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@sensitive_post_parameters(*KEYS)
@require_POST
def save_provider(request: ConsoleRequest, visit: Visit, kind: str) -> HttpResponse:
    form = _form(visit, kind, request)
    if not form.is_valid():
        return _page(request, visit, form=form, status=422)
    try:
        _save(visit, form)
    except InvalidRequest as error:
        add_problems(form, error)
        return _page(request, visit, form=form, status=422)
    told = SAVED[ProviderConfig.Kind(kind)]
    return done(request, _url(visit), f"The {kind} provider was saved. {told}")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@sensitive_post_parameters(*KEYS)
@require_POST
def test_provider(request: ConsoleRequest, visit: Visit, kind: str) -> HttpResponse:
    """Ask what the form names, saved or not; the page shows what came of it."""
    form = _form(visit, kind, request)
    tried = _try(visit, form)
    if request.htmx:
        context = {"tried": tried, "form": form}
        return show(request, visit, "memories/_provider_tried.html", context)
    status = 200 if tried else 422
    return _page(request, visit, form=form, tried=tried, status=status)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def remove_provider(request: ConsoleRequest, visit: Visit, kind: str) -> HttpResponse:
    with visit.scope():
        project = get_project(visit.project_id)
        configuration.remove_provider(project, kind, actor=visit.actor)
    return done(request, _url(visit), f"The {kind} provider was removed.")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def reembed(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Move what is remembered into the space of the configured embedder."""
    with visit.scope():
        setup = get_setup(visit.project_id)
    config = setup.embedding_config
    operation_id = reembedding.change_embedder(
        visit.tenant_id,
        visit.project_id,
        setup.configured_space,
        base_url=config.base_url if config else "",
        api_key_encrypted=config.api_key_encrypted if config else "",
        actor=visit.actor,
    )
    told = "Re-embedding started." if operation_id else "The new address is in use."
    return done(request, _url(visit), told)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def return_to_previous_space(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    space = reembedding.return_to_previous(
        visit.tenant_id, visit.project_id, actor=visit.actor
    )
    return done(request, _url(visit), f"On the way back to {space.model}.")


def _form(visit: Visit, kind: str, request: ConsoleRequest) -> ProviderForm:
    """As it was sent; raises NotFound for a kind that nothing asks."""
    if kind not in FORMS:
        raise NotFound("There is no such kind of provider.")
    with visit.scope():
        setup = get_setup(visit.project_id)
    return FORMS[kind](request.POST, config=_config(setup, kind))


def _config(setup: ProjectSetup, kind: str) -> ProviderConfig | None:
    configs = {
        ProviderConfig.Kind.CHAT: setup.chat_config,
        ProviderConfig.Kind.EMBEDDING: setup.embedding_config,
        ProviderConfig.Kind.RERANK: setup.rerank_config,
    }
    return configs[ProviderConfig.Kind(kind)]


def _save(visit: Visit, form: ProviderForm) -> None:
    with visit.scope():
        configuration.configure_provider(
            get_project(visit.project_id),
            form.kind,
            base_url=form.cleaned_data["base_url"],
            model=form.cleaned_data["model"],
            api_key=form.given_key,
            options=form.options,
            prices=form.prices,
            actor=visit.actor,
        )


def _try(visit: Visit, form: ProviderForm) -> Tried | None:
    """None where the form itself is wrong. No scope is open while a model is asked."""
    if not form.is_valid():
        return None
    try:
        candidate = form.candidate(visit.tenant_id, visit.project_id)
    except InvalidRequest as error:
        add_problems(form, error)
        return None
    with visit.scope():
        project = get_project(visit.project_id)
    return try_provider(project, candidate, actor=visit.actor)


def _page(
    request: ConsoleRequest,
    visit: Visit,
    *,
    form: ProviderForm | None = None,
    tried: Tried | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page; ``form`` is the one that was just sent, if any."""
    with visit.scope():
        setup = get_setup(visit.project_id)
        filling = find_filling()
        previous = reembedding.previous_space()
    etag = etag_of(visit, previous and previous.id, *_shown_of(filling))
    if filling is None:
        status = STOP_ASKING if request.htmx else status
    elif same := unchanged(request, etag):
        return same
    context = {
        "endpoints": [_endpoint(setup, kind, form, tried) for kind in FORMS],
        "active": setup.active_space,
        "configured": setup.configured_space,
        "is_moving_due": _is_moving_due(setup),
        "filling": filling,
        "previous": previous,
    }
    return show_live(
        request,
        visit,
        "memories/providers.html",
        context,
        fragment="filling",
        etag=etag,
        status=status,
    )


def _shown_of(filling: Filling | None) -> list[object]:
    """What the page tells of a re-embedding that goes on."""
    if filling is None:
        return []
    operation = filling.operation
    last = operation and operation.updated_at
    return [filling.space.id, filling.done, filling.total, last]


def _endpoint(
    setup: ProjectSetup, kind: str, sent: ProviderForm | None, tried: Tried | None
) -> dict[str, Any]:
    """One kind as the page shows it."""
    config = _config(setup, kind)
    is_sent = sent is not None and sent.kind == kind
    return {
        "kind": kind,
        "config": config,
        "form": sent if is_sent else FORMS[kind](config=config),
        "tried": tried if is_sent else None,
        "serves": _who_serves(setup, kind),
    }


def _who_serves(setup: ProjectSetup, kind: str) -> str:
    """What is asked where the project has no endpoint of its own."""
    if kind == ProviderConfig.Kind.EMBEDDING:
        space = setup.configured_space
        whose = "the local model" if space.provider == "local" else "the platform's"
        return f"{whose}, {space.model}, {space.dimension} dimensions"
    if kind == ProviderConfig.Kind.RERANK:
        named = settings.RERANK_MODEL or settings.RERANK_BASE_URL
        return f"the platform's, {named}" if has_reranker(None) else NO_RERANKER
    if has_chat(None):
        return f"the platform's, {settings.LLM_MODEL}"
    return "none: facts are found by the rules of the local engine"


def _is_moving_due(setup: ProjectSetup) -> bool:
    """Whether reads come from another embedder than the one configured."""
    active, config = setup.active_space, setup.embedding_config
    if active is None:
        return False
    wanted = setup.configured_space
    key = (active.provider, active.model, active.dimension, active.fingerprint)
    if key != (wanted.provider, wanted.model, wanted.dimension, wanted.fingerprint):
        return True
    address = (active.base_url, active.api_key_encrypted)
    return address != (
        (config.base_url, config.api_key_encrypted) if config else ("", "")
    )


def _url(visit: Visit) -> str:
    return reverse("memories:providers", args=[visit.tenant_slug, visit.project_id])
