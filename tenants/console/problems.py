"""What a service finds wrong, beside the fields of the form that asked for it."""

from __future__ import annotations

from django.forms import BaseForm

from memplatform.lib.errors import InvalidRequest


def add_problems(form: BaseForm, error: InvalidRequest) -> None:
    """What the form does not show is told above it."""
    if not error.fields:
        form.add_error(None, error.message)
    for name, problems in error.fields.items():
        is_shown = name in form.fields and not form.fields[name].widget.is_hidden
        form.add_error(name if is_shown else None, list(problems))
