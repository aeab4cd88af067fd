"""What tests of prompts share: an admin at work on a project's prompts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from memories.models import Ingestion, PromptTrial, PromptVersion
from memories.selectors import prompts as selectors
from memories.selectors import trials
from memories.services import prompts, replays
from memories.services.prompts import Draft
from memories.services.replays import Replay
from memories.services.trials import DryRun, dry_run_recorded, dry_run_text
from tenants.models import AuditEntry
from tenants.selectors import Access
from tests.memories.agents import Agent

PURPOSE = "single_pass_user"
OTHER_TEXT = "Remember what the user says of bees. {categories} {project} {graph}"


@dataclass
class Admin:
    """An operator in person; the prompt is the one for users unless the call says."""

    agent: Agent

    def __post_init__(self) -> None:
        prompts.ready_prompts(self.access)

    @property
    def access(self) -> Access:
        return replace(self.agent.access, key_id=None, address="192.0.2.1")

    # --- changing

    def draft(self, text: str = OTHER_TEXT, purpose: str = PURPOSE, **details):
        return prompts.save_draft(self.access, purpose, Draft(text, **details))

    def publish(self, number: int | None = None, purpose: str = PURPOSE) -> int:
        return prompts.publish(self.access, purpose, number)

    def publish_text(self, text: str = OTHER_TEXT, purpose: str = PURPOSE) -> int:
        self.draft(text, purpose)
        return self.publish(purpose=purpose)

    def share(self, share: float, number: int | None = None) -> int:
        return prompts.start_canary(self.access, PURPOSE, share, number)

    def withdraw(self) -> int:
        return prompts.withdraw_canary(self.access, PURPOSE)

    # --- trying

    def paste(self, said: str, purpose: str = PURPOSE, **details) -> DryRun:
        return dry_run_text(self.access, purpose, said, **details)

    def try_on(self, *operation_ids, purpose: str = PURPOSE, **details) -> DryRun:
        ids = [self.ingestion(operation_id).id for operation_id in operation_ids]
        return dry_run_recorded(self.access, purpose, ids, **details)

    def start_replay(self, purpose: str = PURPOSE, **details):
        return replays.start_replay(self.access, Replay(purpose, **details))

    def replay(self, **details) -> trials.ReplayView:
        """A replay, run to its end."""
        operation_id = self.start_replay(**details)
        self.run(operation_id)
        return self.view(operation_id)

    def run(self, operation_id):
        while (done := self.agent.run(operation_id)).status == "PENDING":
            if done.next_attempt_at:
                break
        return done

    def cancel(self, operation_id) -> None:
        replays.cancel_replay(self.access, operation_id)

    # --- reading

    def view(self, operation_id) -> trials.ReplayView:
        with self.agent.scope():
            return trials.get_replay(operation_id)

    def trials(self, operation_id, **details):
        with self.agent.scope():
            return trials.list_trials(operation_id, **details).items

    def outcomes(self, operation_id) -> list[str]:
        with self.agent.scope():
            rows = PromptTrial.objects.filter(operation_id=operation_id)
            return list(rows.order_by("position").values_list("outcome", flat=True))

    def version(self, number: int, purpose: str = PURPOSE) -> PromptVersion:
        with self.agent.scope():
            return selectors.get_version(selectors.get_template(purpose), number)

    def versions(self, purpose: str = PURPOSE):
        with self.agent.scope():
            return selectors.list_versions(selectors.get_template(purpose))

    def template(self, purpose: str = PURPOSE):
        with self.agent.scope():
            return selectors.describe_template(selectors.get_template(purpose))

    def ingestion(self, operation_id) -> Ingestion:
        with self.agent.scope():
            return Ingestion.objects.get(operation_id=operation_id)

    def audited(self) -> list[str]:
        with self.agent.scope():
            rows = AuditEntry.objects.filter(action__startswith="prompt.")
            return list(rows.order_by("at", "id").values_list("action", flat=True))


def reply(*facts: dict) -> str:
    """A model's answer of single_pass: each fact by what differs from a plain ADD."""
    plain = {
        "from": [1],
        "who": "user",
        "cats": [],
        "start": None,
        "end": None,
        "conf": 1.0,
        "entities": [],
        "relations": [],
        "why": "",
        "op": "ADD",
        "id": None,
        "quote": None,
    }
    return json.dumps({"facts": [plain | fact for fact in facts]})
