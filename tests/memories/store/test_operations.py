"""The life of an operation: one runner at a time, in order, and never for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from memories import wake
from memories.services.background import PATIENCE, wake_due_operations
from memories.store import operations
from memories.store.operations import Lease, LeaseLost
from memplatform.lib import clock
from memplatform.lib.errors import ProviderTimeout
from tests.memories.agents import at_once

LEASE_S = 60


def claim(agent, operation_id) -> Lease | None:
    with agent.scope():
        operation = operations.claim(operation_id, lease_s=LEASE_S)
    return operation and Lease(operation.id, operation.lease_token)


def settle(agent, lease: Lease, *, failed: bool = False) -> None:
    with agent.scope():
        operation = operations.hold(lease)
        if failed:
            operations.fail(operation, "refused", "The model refused.")
        else:
            operations.succeed(operation, [])


def postpone(agent, lease: Lease, **delay) -> None:
    with agent.scope():
        until = clock.now() + timedelta(**delay)
        operations.postpone(operations.hold(lease), ProviderTimeout(), until)


# --- claims -------------------------------------------------------------------


def test_a_claim_counts_the_attempt_and_starts_the_lease(agent, frozen):
    operation_id = agent.accept()
    lease = claim(agent, operation_id)
    operation = agent.operation(operation_id)
    assert (operation.status, operation.attempts) == ("RUNNING", 1)
    assert operation.lease_token == lease.token
    assert operation.lease_until == frozen.instant + timedelta(seconds=LEASE_S)


def test_what_runs_is_not_claimed_again(agent):
    operation_id = agent.accept()
    assert claim(agent, operation_id)
    assert claim(agent, operation_id) is None
    assert agent.operation(operation_id).attempts == 1


def test_of_two_claims_at_once_one_is_granted(committed_db, agent):
    operation_id = agent.accept()
    leases = at_once(*[lambda: claim(agent, operation_id)] * 4)
    assert [lease for lease in leases if lease] == [Lease(operation_id, 1)]
    assert agent.operation(operation_id).attempts == 1


@pytest.mark.parametrize("failed", [False, True])
def test_what_is_settled_is_not_claimed_again(agent, failed):
    operation_id = agent.accept()
    settle(agent, claim(agent, operation_id), failed=failed)
    assert claim(agent, operation_id) is None


def test_another_tenants_operation_is_not_there(agent, other):
    assert claim(other, agent.accept()) is None


# --- the lease ----------------------------------------------------------------


def test_a_lease_that_is_over_passes_with_a_higher_token(agent, frozen):
    operation_id = agent.accept()
    first = claim(agent, operation_id)
    frozen.advance(seconds=LEASE_S + 1)
    second = claim(agent, operation_id)
    assert second.token > first.token
    assert agent.operation(operation_id).attempts == 2


def test_who_lost_the_lease_can_settle_nothing(agent, frozen):
    operation_id = agent.accept()
    first = claim(agent, operation_id)
    frozen.advance(seconds=LEASE_S + 1)
    second = claim(agent, operation_id)
    with pytest.raises(LeaseLost):
        settle(agent, first)
    assert agent.operation(operation_id).status == "RUNNING"
    settle(agent, second)
    assert agent.operation(operation_id).status == "SUCCEEDED"


def test_a_guessed_token_holds_nothing(agent):
    lease = claim(agent, agent.accept())
    with pytest.raises(LeaseLost):
        settle(agent, replace(lease, token=lease.token + 1))


def test_what_is_settled_cannot_be_settled_again(agent):
    operation_id = agent.accept()
    lease = claim(agent, operation_id)
    settle(agent, lease, failed=True)
    with pytest.raises(LeaseLost):
        settle(agent, lease)
    assert agent.operation(operation_id).status == "FAILED"


def test_a_heartbeat_keeps_the_lease(agent, frozen):
    operation_id = agent.accept()
    lease = claim(agent, operation_id)
    frozen.advance(seconds=LEASE_S - 1)
    with agent.scope():
        operations.renew(operations.hold(lease), lease_s=LEASE_S)
    frozen.advance(seconds=LEASE_S - 1)
    assert claim(agent, operation_id) is None
    settle(agent, lease)


# --- order in an anchor --------------------------------------------------------


def test_only_the_oldest_of_an_anchor_runs(agent):
    first, second = agent.accept(), agent.accept()
    assert claim(agent, second) is None
    lease = claim(agent, first)
    assert claim(agent, second) is None
    settle(agent, lease)
    assert claim(agent, second)


def test_a_failure_lets_the_next_one_run(agent):
    first, second = agent.accept(), agent.accept()
    settle(agent, claim(agent, first), failed=True)
    assert claim(agent, second)


def test_who_waits_for_another_attempt_keeps_the_place(agent, frozen):
    first, second = agent.accept(), agent.accept()
    postpone(agent, claim(agent, first), seconds=30)
    assert claim(agent, second) is None
    frozen.advance(seconds=30)
    assert claim(agent, first)


def test_other_anchors_do_not_wait(agent):
    agent.accept(user_id="ann")
    assert claim(agent, agent.accept(user_id="bea"))


@pytest.mark.parametrize("failed", [False, True])
def test_settling_wakes_the_next_after_the_commit(
    agent, django_capture_on_commit_callbacks, failed
):
    first, second, _ = agent.accept(), agent.accept(), agent.accept()
    lease = claim(agent, first)
    with django_capture_on_commit_callbacks() as callbacks:
        settle(agent, lease, failed=failed)
    (call,) = callbacks
    assert call.args == (wake.RUN_OPERATION, agent.company.id, second)


# --- another attempt -----------------------------------------------------------


def test_a_postponed_one_says_why_and_waits(agent, frozen):
    operation_id = agent.accept()
    postpone(agent, claim(agent, operation_id), seconds=30)
    operation = agent.operation(operation_id)
    assert (operation.status, operation.error_code) == ("PENDING", "provider_timeout")
    assert claim(agent, operation_id) is None
    frozen.advance(seconds=29)
    assert claim(agent, operation_id) is None
    frozen.advance(seconds=1)
    settle(agent, claim(agent, operation_id))
    operation = agent.operation(operation_id)
    assert (operation.status, operation.error_code) == ("SUCCEEDED", None)


def test_a_late_runner_cannot_write_over_a_postponement(agent):
    lease = claim(agent, agent.accept())
    postpone(agent, lease, seconds=30)
    with pytest.raises(LeaseLost):
        settle(agent, lease)


def test_a_retry_goes_last_with_all_its_attempts(agent):
    first, second = agent.accept(), agent.accept()
    settle(agent, claim(agent, first), failed=True)
    with agent.scope():
        assert operations.reopen(agent.operation(first))
    assert claim(agent, first) is None
    settle(agent, claim(agent, second))
    assert claim(agent, first).token == 2
    assert agent.operation(first).attempts == 1


def test_of_two_retries_at_once_one_is_done(committed_db, agent):
    operation_id = agent.accept()
    settle(agent, claim(agent, operation_id), failed=True)

    def reopen() -> bool:
        operation = agent.operation(operation_id)
        with agent.scope():
            return operations.reopen(operation)

    assert sorted(at_once(reopen, reopen)) == [False, True]


# --- the sweep -----------------------------------------------------------------


def woken(agent, frozen, **elapsed) -> int:
    """How many the sweep wakes when this much time has passed."""
    frozen.advance(**elapsed)
    return wake_due_operations()


def test_the_sweep_is_patient_and_then_wakes_once(agent, frozen):
    agent.accept()
    assert woken(agent, frozen, seconds=PATIENCE.seconds - 1) == 0
    assert woken(agent, frozen, seconds=2) == 1
    assert woken(agent, frozen, seconds=1) == 0  # as a second beat would


def test_the_longer_one_waits_the_rarer_it_is_woken(agent, frozen):
    agent.accept()
    assert woken(agent, frozen, hours=1) == 1
    assert woken(agent, frozen, minutes=10) == 0
    assert woken(agent, frozen, minutes=11) == 1


def test_the_sweep_wakes_a_postponed_one_at_its_time(agent, frozen):
    operation_id = agent.accept()
    postpone(agent, claim(agent, operation_id), seconds=30)
    assert woken(agent, frozen, seconds=29) == 0
    assert woken(agent, frozen, seconds=1) == 1
    assert woken(agent, frozen, seconds=1) == 0


def test_the_sweep_wakes_what_its_worker_left(agent, frozen):
    claim(agent, agent.accept())
    assert woken(agent, frozen, seconds=LEASE_S - 1) == 0
    assert woken(agent, frozen, seconds=2) == 1


def test_however_old_it_is_what_its_worker_left_is_woken_at_once(agent, frozen):
    operation_id = agent.accept()
    assert woken(agent, frozen, hours=24) == 1
    claim(agent, operation_id)
    assert woken(agent, frozen, seconds=LEASE_S - 1) == 0
    assert woken(agent, frozen, seconds=2) == 1
    assert woken(agent, frozen, seconds=1) == 0  # as a second beat would


def test_of_two_beats_one_wakes_what_a_lease_shorter_than_patience_left(agent, frozen):
    operation_id = agent.accept()
    with agent.scope():
        operations.claim(operation_id, lease_s=1)
    frozen.advance(seconds=2)
    with agent.scope():
        marked = [
            operations.mark_woken(operation_id, before=frozen.instant - PATIENCE)
            for _ in range(2)
        ]
    assert marked == [True, False]


def test_the_sweep_leaves_those_who_wait_for_an_older_one(agent, frozen):
    agent.accept(), agent.accept()
    assert woken(agent, frozen, minutes=1) == 1


def test_the_sweep_wakes_a_verbatim_add_behind_an_inferred_one(agent, settings, frozen):
    settings.VERBATIM_MAX_TEXTS = 0
    agent.accept(), agent.say("I like tea.")
    assert woken(agent, frozen, minutes=1) == 2


def test_the_sweep_reaches_every_tenant_and_nothing_settled(agent, other, frozen):
    agent.accept(), other.accept()
    settle(agent, claim(agent, agent.accept(user_id="bea")))
    assert woken(agent, frozen, minutes=1) == 2


def test_of_two_beats_at_once_one_wakes(committed_db, agent):
    with clock.frozen(clock.now() - timedelta(minutes=1)):
        operation_id = agent.accept()

    def beat() -> bool:
        with agent.scope():
            before = clock.now() - PATIENCE
            return operations.mark_woken(operation_id, before=before)

    assert sorted(at_once(beat, beat)) == [False, True]
