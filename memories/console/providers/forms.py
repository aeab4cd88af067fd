"""An endpoint as its form tells it; a key goes in and never comes out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings

from memories.models import ProviderConfig
from memories.providers import secrets
from memories.services.configuration import PROVIDER_OPTIONS, Prices, kept_key
from memories.types import JsonDict

MILLION = Decimal(1_000_000)
MOST_A_MILLION = Decimal(100_000)
HINTS = {
    "timeout_s": "Of one request, in seconds.",
    "deadline_s": "Of all attempts together, in seconds.",
    "concurrency": "Requests under way at a time, in each process.",
    "context_tokens": "The window of the model, its answer included.",
    "dimension": "Of its vectors. Memories are embedded anew when it changes.",
}
LABELS = {
    "timeout_s": "Timeout",
    "deadline_s": "Deadline",
    "concurrency": "Concurrency",
    "context_tokens": "Context tokens",
    "dimension": "Dimension",
}
KNOBS = ("timeout_s", "deadline_s", "concurrency", "context_tokens")
KEEP_OR_GIVE = "Write-only. Blank keeps the key there is, for the same address."
RERANKERS_HELP = (
    "Up to /rerank, of an endpoint that speaks as Cohere's, Jina's, vLLM's or Text"
    " Embeddings Inference do; which, is found out."
)
GIVE = "Write-only: it is encrypted, and nobody is shown it again."


class ProviderForm(forms.Form):
    """What all kinds have in common; options are those of their kind."""

    kind: str

    base_url = forms.CharField(
        label="Base URL",
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://api.openai.com/v1"}),
        help_text="Of an endpoint that speaks as OpenAI's does.",
    )
    model = forms.CharField(label="Model", max_length=200)
    api_key = forms.CharField(
        label="API key",
        required=False,
        strip=True,
        max_length=2000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    has_no_key = forms.BooleanField(
        label="This endpoint wants no key: forget the one there is", required=False
    )

    def __init__(
        self, data: Any = None, *, config: ProviderConfig | None = None
    ) -> None:
        self.config = config
        initial = _initial(config) if config else {}
        super().__init__(data, initial=initial, prefix=self.kind)
        for name, (number, low, high) in PROVIDER_OPTIONS[self.kind].items():
            if name in LABELS:
                self.fields[name] = _number_field(name, number, low, high)
        has_key = config is not None and bool(config.api_key_encrypted)
        self.fields["api_key"].help_text = KEEP_OR_GIVE if has_key else GIVE
        if not has_key:
            del self.fields["has_no_key"]

    @property
    def usual(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in KNOBS]

    @property
    def knobs(self) -> list[forms.BoundField]:
        """What has a good default and is seldom touched."""
        return [field for field in self.visible_fields() if field.name in KNOBS]

    @property
    def has_wrong_knob(self) -> bool:
        return any(field.errors for field in self.knobs)

    @property
    def given_key(self) -> str | None:
        """None keeps the key there is."""
        if self.cleaned_data.get("has_no_key"):
            return ""
        return self.cleaned_data["api_key"] or None

    @property
    def options(self) -> JsonDict:
        names = PROVIDER_OPTIONS[self.kind]
        said = {name: self.cleaned_data.get(name) for name in names}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def prices(self) -> Prices | None:
        return None

    def candidate(self, tenant_id: UUID, project_id: UUID) -> ProviderConfig:
        """The endpoint as it would be, not stored. Raises InvalidRequest."""
        said, key = self.cleaned_data, self.given_key
        encrypted = (
            kept_key(self.config, said["base_url"])
            if key is None
            else secrets.encrypt(key, settings.ENCRYPTION_KEYS)
        )
        prompt_price, completion_price = self.prices or (None, None)
        return ProviderConfig(
            tenant_id=tenant_id,
            project_id=project_id,
            kind=self.kind,
            base_url=said["base_url"],
            model=said["model"],
            api_key_encrypted=encrypted,
            options=self.options,
            prompt_price=prompt_price,
            completion_price=completion_price,
        )


class ChatForm(ProviderForm):
    kind = ProviderConfig.Kind.CHAT

    vision = forms.BooleanField(label="The model sees images", required=False)
    prompt_price = forms.DecimalField(
        label="Price of 1,000,000 prompt tokens",
        required=False,
        min_value=0,
        max_value=MOST_A_MILLION,
        decimal_places=4,
        help_text="In any currency; usage is told in the same.",
    )
    completion_price = forms.DecimalField(
        label="Price of 1,000,000 completion tokens",
        required=False,
        min_value=0,
        max_value=MOST_A_MILLION,
        decimal_places=4,
    )

    @property
    def options(self) -> JsonDict:
        vision = {"vision": 1} if self.cleaned_data["vision"] else {}
        others = {k: v for k, v in super().options.items() if k != "vision"}
        return {**others, **vision}

    @property
    def prices(self) -> Prices | None:
        said = self.cleaned_data
        return _each(said["prompt_price"]), _each(said["completion_price"])


class EmbeddingForm(ProviderForm):
    kind = ProviderConfig.Kind.EMBEDDING

    def __init__(
        self, data: Any = None, *, config: ProviderConfig | None = None
    ) -> None:
        super().__init__(data, config=config)
        self.fields["dimension"].required = True


class RerankForm(ProviderForm):
    kind = ProviderConfig.Kind.RERANK

    prompt_price = forms.DecimalField(
        label="Price of 1,000,000 tokens",
        required=False,
        min_value=0,
        max_value=MOST_A_MILLION,
        decimal_places=4,
        help_text="Where the endpoint tells how many it read.",
    )

    def __init__(
        self, data: Any = None, *, config: ProviderConfig | None = None
    ) -> None:
        super().__init__(data, config=config)
        address = self.fields["base_url"]
        address.help_text = RERANKERS_HELP
        address.widget.attrs["placeholder"] = "https://api.jina.ai/v1"

    @property
    def prices(self) -> Prices | None:
        return _each(self.cleaned_data["prompt_price"]), None


FORMS: dict[str, type[ProviderForm]] = {
    ProviderConfig.Kind.CHAT: ChatForm,
    ProviderConfig.Kind.EMBEDDING: EmbeddingForm,
    ProviderConfig.Kind.RERANK: RerankForm,
}


def _number_field(name: str, number: type, low: float, high: float) -> forms.Field:
    field = forms.IntegerField if number is int else forms.FloatField
    kind: Any = int if number is int else float
    return field(
        label=LABELS[name],
        required=False,
        min_value=kind(low) if number is float else int(low),
        max_value=kind(high),
        help_text=f"{HINTS[name]} {low:g} to {high:,.10g}.",
    )


def _initial(config: ProviderConfig) -> JsonDict:
    return {
        "base_url": config.base_url,
        "model": config.model,
        "prompt_price": _a_million(config.prompt_price),
        "completion_price": _a_million(config.completion_price),
        **config.options,
    }


def _each(of_million: Decimal | None) -> Decimal | None:
    return None if of_million is None else of_million / MILLION


def _a_million(of_each: Decimal | None) -> Decimal | None:
    return None if of_each is None else (of_each * MILLION).normalize()
