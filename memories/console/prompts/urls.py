"""Where prompts are: ``prompts/<purpose>/…``."""

from __future__ import annotations

from django.urls import path

from memories.console.prompts import drafts, publishing, replays, trying, views

urlpatterns = [
    path("", views.prompts, name="prompts"),
    path("<slug:purpose>/", views.prompt, name="prompt"),
    path("<slug:purpose>/compare/", views.compare, name="prompt-compare"),
    path("<slug:purpose>/draft/", drafts.draft, name="prompt-draft"),
    path("<slug:purpose>/draft/discard/", drafts.discard, name="prompt-discard"),
    path("<slug:purpose>/adopt/", drafts.adopt, name="prompt-adopt"),
    path("<slug:purpose>/try/", trying.paste, name="prompt-try"),
    path("<slug:purpose>/try/recorded/", trying.recorded, name="prompt-recorded"),
    path("<slug:purpose>/publish/", publishing.publish, name="prompt-publish"),
    path("<slug:purpose>/withdraw/", publishing.withdraw, name="prompt-withdraw"),
    path("<slug:purpose>/replays/", replays.replays, name="prompt-replays"),
    path(
        "<slug:purpose>/replays/<uuid:replay_id>/",
        replays.replay,
        name="prompt-replay",
    ),
    path(
        "<slug:purpose>/replays/<uuid:replay_id>/cancel/",
        replays.cancel,
        name="prompt-replay-cancel",
    ),
    path(
        "<slug:purpose>/replays/<uuid:replay_id>/continue/",
        replays.go_on,
        name="prompt-replay-continue",
    ),
]
