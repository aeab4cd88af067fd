"""The real client SDKs against ``make run``: ``../shared/contract/conformance``.

The suite is run where it stands, in an environment of its own with the SDKs; nothing of
it is copied. It is absent outside our workplace, and then skipped with that reason.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from memplatform.embedded.ports import free_port
from tests.acceptance.installation import ROOT, Installation, installed
from tests.acceptance.sdks import npm_modules, python_with
from tests.model_server import ModelServer

pytestmark = pytest.mark.conformance

SUITE = ROOT.parent / "shared" / "contract" / "conformance"
REQUIREMENTS = SUITE / "requirements.txt"
TIMEOUT_S = 240
MINIMUM = 200

needs_suite = pytest.mark.skipif(
    not SUITE.exists(), reason="../shared is absent, and with it the client suite"
)


@pytest.fixture(params=["local", "model"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Without a model, and with an endpoint for chat; embeddings from the wheel."""
    # The suite listens for webhooks on this machine.
    variables = {"ALLOW_PRIVATE_WEBHOOKS": "127.0.0.1"}
    with ModelServer() as model, installed() as installation:
        if request.param == "model":
            variables["LLM_BASE_URL"] = model.base_url
        installation.start(**variables)
        yield installation
        assert bool(model.stats()["chat"]) == (request.param == "model")


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with the SDKs."""
    return python_with("conformance", "--requirement", str(REQUIREMENTS)) / "python"


@needs_suite
@pytest.mark.timeout(TIMEOUT_S + 120)
def test_the_clients_find_what_they_expect(
    installation: Installation, python: Path, tmp_path: Path
):
    report = tmp_path / "conformance.xml"
    run = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
        ],
        cwd=SUITE,
        env={
            **os.environ,
            "MEMPLATFORM_URL": installation.run["url"],
            "MEMPLATFORM_API_KEY": installation.run["api_key"],
            "MEM0AI_NODE_MODULES": str(npm_modules()),
            "MEMPLATFORM_EVENT_TIMEOUT": "60",
            "MEMPLATFORM_ALLOW_WIPE": "1",
            "MEMPLATFORM_WEBHOOK_BASE": f"http://127.0.0.1:{free_port()}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert run.returncode == 0, run.stdout[-6000:]
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert len(cases) >= MINIMUM
    assert [case for case in cases if case.find("skipped") is not None] == []
