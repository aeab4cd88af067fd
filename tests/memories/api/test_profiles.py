"""Profiles of users: what is told of one, and the jobs that make them."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from memories.models import Memory
from memories.services.run import run_operation
from tenants.scopes import tenant_scope
from tenants.services import issue_api_key
from tests.memories.api.conftest import NOBODYS_ID, entity_path, event_path, memory_path

SETTINGS = "/v2/profiles/settings/"
JOBS = "/v2/profiles/jobs/"
IDA = {"operation": "trigger", "entity_type": "user", "entity_id": "ida"}
SAMPLE = {"operation": "sample", "entity_type": "user"}
SCHEMA = {
    "type": "object",
    "properties": {
        "pets": {
            "type": "array",
            "items": {"type": "string"},
            "description": "animals and pets that they keep, such as bees",
        },
        "home": {"type": "string", "description": "the town where they live"},
    },
}
BEES, LISBON = "I keep bees behind the barn.", "I live in Lisbon."


def profile_path(name: str = "ida") -> str:
    return f"{entity_path(name=name)}profile/"


@pytest.fixture
def enabled(client):
    body = {"enabled": True, "entities": {"user": {"schema": SCHEMA}}}
    assert client.post(SETTINGS, body).status_code == 200


@pytest.fixture
def profile(client):
    """What is told of a user."""

    def profile(name="ida", by=client):
        answer = by.get(profile_path(name))
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return profile


@pytest.fixture
def start(client):
    """Ask for a job; the answer."""

    def start(body=IDA, key="", by=client):
        headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
        answer = by.post(JOBS, body, **headers)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return start


@pytest.fixture
def generate(client, acme, start):
    """Ask for a job and play the worker; how it went."""

    def generate(body=IDA):
        job = start(body)
        run_operation(acme.id, UUID(job["job_id"]))
        return client.get(job["status_url"]).json()["job"]

    return generate


# --- A profile --------------------------------------------------------------


def test_a_profile_and_what_it_rests_on(enabled, store, generate, profile):
    bees, lisbon = store(BEES), store(LISBON)
    generate()
    told = profile()
    assert told == {
        "profile": {"pets": [BEES], "home": LISBON},
        "status": "succeeded",
        "entity_type": "user",
        "entity_id": "ida",
        "updated_at": told["updated_at"],
        "generation_count": 1,
        "stale": False,
        "memories_read": 2,
        "sources": [
            {"field": "home", "memory_id": lisbon, "version": 1},
            {"field": "pets", "memory_id": bees, "version": 1},
        ],
        "generated_by": {"engine": "rules", "model": None, "prompt_version_id": None},
    }


def test_while_they_are_off_there_is_none(store, profile):
    store(BEES)
    told = profile()
    assert (told["status"], told["profile"]) == ("not_enabled", {})
    assert (told["generation_count"], told["updated_at"]) == (0, None)


def test_switching_off_hides_what_there_was(client, enabled, store, generate, profile):
    store(BEES)
    generate()
    client.post(SETTINGS, {"enabled": False})
    assert (profile()["status"], profile()["profile"]) == ("not_enabled", {})


def test_before_the_first_there_is_too_little(enabled, store, profile):
    store(BEES)
    assert profile()["status"] == "insufficient_data"
    assert "generated yet" in profile()["error"]


def test_memories_that_say_nothing_of_it_are_too_little(
    enabled, store, generate, profile
):
    store("The invoice of March was paid.")
    assert (generate()["skipped"], profile()["status"]) == (1, "insufficient_data")
    assert (profile()["profile"], profile()["generation_count"]) == ({}, 0)


def test_it_is_pending_while_the_old_one_stays(
    enabled, store, generate, start, profile
):
    store(BEES)
    generate()
    start()
    told = profile()
    assert (told["status"], told["profile"]) == ("pending", {"pets": [BEES]})


def test_each_generation_is_counted(enabled, store, generate, profile):
    store(BEES)
    generate()
    store(LISBON)
    generate()
    assert (profile()["generation_count"], profile()["profile"]["home"]) == (2, LISBON)


def test_names_may_hold_slashes(enabled, store, generate, profile):
    store(BEES, user_id="team/ida")
    generate({**IDA, "entity_id": "team/ida"})
    told = profile("team/ida")
    assert (told["entity_id"], told["profile"]) == ("team/ida", {"pets": [BEES]})


def test_a_user_called_profile_can_still_be_deleted(client, store, acme):
    """The path of a user may look like that of a profile."""
    store(BEES, user_id="ida/profile")
    answer = client.delete(entity_path(name="ida/profile"))
    run_operation(acme.id, UUID(answer.json()["event_id"]))
    assert client.get(f"{entity_path(name='ida/profile')}profile/").status_code == 404


def test_without_a_schema_it_is_told_by_category(client, store, generate, profile):
    client.post(SETTINGS, {"enabled": True})
    store("I love jazz and play the saxophone in a band.")
    generate()
    assert "music" in profile()["profile"]


# --- What becomes of its memories -------------------------------------------


def test_what_rests_on_a_deleted_memory_is_not_told(
    client, enabled, store, generate, profile
):
    store(BEES)
    client_id = store(LISBON)
    generate()
    client.delete(memory_path(client_id))
    told = profile()
    assert (told["profile"], told["stale"]) == ({"pets": [BEES]}, True)
    assert [source["field"] for source in told["sources"]] == ["pets"]


def test_it_is_stale_once_a_memory_of_it_has_changed(
    client, enabled, store, generate, profile
):
    memory_id = store(BEES)
    generate()
    client.put(memory_path(memory_id), {"text": "I keep goats."})
    assert (profile()["profile"], profile()["stale"]) == ({"pets": [BEES]}, True)
    generate()
    assert profile()["stale"] is False


def test_it_is_stale_once_the_settings_have_changed(
    client, enabled, store, generate, profile
):
    store(BEES)
    generate()
    client.post(SETTINGS, {"entities": {"user": {"custom_instructions": "Brief."}}})
    assert profile()["stale"] is True


def test_only_what_holds_of_the_user_now_is_read(
    client, enabled, store, acme, generate, profile
):
    """Nobody else's, nothing expired, nothing superseded, nothing an agent said."""
    store(BEES)
    store("I keep goats.", user_id="bo")
    store("I keep cats.", expiration_date="2020-01-01")
    said = [{"role": "assistant", "content": "I keep dogs as pets."}]
    answer = client.post(
        "/v3/memories/add/", {"messages": said, "user_id": "ida", "infer": False}
    )
    assert answer.status_code == 200
    gone = store("I keep snakes.")
    with tenant_scope(acme.id):
        Memory.objects.filter(id=gone).update(state="superseded")
    generate()
    assert profile()["profile"] == {"pets": [BEES]}


# --- Jobs -------------------------------------------------------------------


def test_a_job_can_be_followed(enabled, store, client, start, acme):
    store(BEES)
    job = start()
    path = job.pop("status_url")
    assert path == f"{JOBS}{job['job_id']}/"
    assert job == {
        "job_id": job["job_id"],
        "status": "pending",
        "operation": "trigger",
        "entity_type": "user",
        "entity_count_reserved": 1,
        "event_id": job["job_id"],
        "replayed": False,
    }
    run_operation(acme.id, UUID(job["job_id"]))
    done = client.get(path).json()["job"]
    assert done["id"] == job["job_id"]
    counts = {"total": 1, "completed": 1, "succeeded": 1, "failed": 0, "skipped": 0}
    assert counts.items() <= done.items()
    assert (done["status"], done["enumeration_complete"]) == ("succeeded", True)


def test_a_job_is_an_event(enabled, store, client, generate):
    store(BEES)
    job = generate()
    event = client.get(event_path(job["id"])).json()
    assert (event["event_type"], event["status"]) == ("PROFILE", "SUCCEEDED")
    assert event["latency"] >= 0
    listed = client.get("/v1/events/", {"event_type": "PROFILE"}).json()
    assert [e["id"] for e in listed["results"]] == [job["id"]]


def test_the_same_key_is_the_same_job(enabled, store, start):
    store(BEES)
    first = start(key="once")
    again = start(key="once")
    assert again == {**first, "replayed": True}
    assert start(key="twice")["job_id"] != first["job_id"]


def test_the_same_key_for_another_user_is_a_conflict(enabled, store, start, client):
    store(BEES)
    start(key="once")
    other = {**IDA, "entity_id": "bo"}
    assert client.post(JOBS, other, HTTP_IDEMPOTENCY_KEY="once").status_code == 409


def test_while_they_are_off_no_job_is_taken(store, client):
    store(BEES)
    answer = client.post(JOBS, IDA)
    assert answer.status_code == 400
    assert "not enabled" in answer.json()["detail"]


def test_switched_off_meanwhile_nobody_is_done(enabled, store, client, start, acme):
    store(BEES)
    job = start()
    client.post(SETTINGS, {"enabled": False})
    run_operation(acme.id, UUID(job["job_id"]))
    done = client.get(job["status_url"]).json()["job"]
    assert (done["status"], done["skipped"]) == ("skipped", 1)


BAD_JOBS = [
    # what is wrong with it, the field it is told of
    ({"entity_type": "user", "entity_id": "ida"}, "operation"),
    ({**IDA, "operation": "guess"}, "operation"),
    ({**IDA, "entity_type": "agent"}, "entity_type"),
    ({"operation": "trigger", "entity_id": "ida"}, "entity_type"),
    ({**IDA, "entity_id": None}, "entity_id"),
    ({**IDA, "entity_id": " "}, "entity_id"),
    ({**IDA, "entity_id": ["ida"]}, "entity_id"),
    ({**SAMPLE, "limit": 0}, "limit"),
    ({**SAMPLE, "limit": 11}, "limit"),
    ({**SAMPLE, "limit": "3"}, "limit"),
    ({**SAMPLE, "limit": True}, "limit"),
]


@pytest.mark.parametrize(("body", "field"), BAD_JOBS)
def test_a_bad_job_is_told_by_field(enabled, client, body, field):
    answer = client.post(JOBS, body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_a_stranger_is_not_found(enabled, client):
    assert client.get(profile_path("nobody")).status_code == 404
    body = {**IDA, "entity_id": "nobody"}
    assert client.post(JOBS, body).status_code == 404


def test_an_unknown_job_is_not_found(client, store):
    assert client.get(f"{JOBS}{NOBODYS_ID}/").status_code == 404
    assert client.get(f"{JOBS}bees/").status_code == 400


def test_another_event_is_no_job(client, learn):
    assert client.get(f"{JOBS}{learn(BEES)}/").status_code == 404


# --- Samples ----------------------------------------------------------------


def test_a_sample_takes_who_was_active_last(enabled, store, start, generate, profile):
    for name in ("ida", "bo", "cy", "di"):
        store(BEES, user_id=name)
    store(BEES, agent_id="bot")
    job = start({**SAMPLE, "limit": 2})
    assert sorted(job["entity_ids"]) == ["cy", "di"]
    assert (job["sampled"], job["entity_count_reserved"]) == (2, 2)


def test_all_of_a_sample_get_theirs(enabled, store, generate, profile):
    for name in ("ida", "bo"):
        store(BEES, user_id=name)
    assert generate(SAMPLE)["succeeded"] == 2
    assert profile("ida")["profile"] == profile("bo")["profile"] == {"pets": [BEES]}


def test_a_sample_of_nobody_is_done(enabled, generate):
    assert generate(SAMPLE)["total"] == 0


def test_samples_come_a_minute_apart(enabled, store, start, client, frozen):
    store(BEES)
    start(SAMPLE, key="once")
    frozen.advance(seconds=20)
    answer = client.post(JOBS, SAMPLE)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "40"
    assert start(SAMPLE, key="once")["replayed"] is True
    frozen.advance(seconds=40)
    assert start(SAMPLE)["replayed"] is False


# --- Models -----------------------------------------------------------------


def test_a_model_fills_it_in(enabled, store, generate, profile, models, acme):
    bees = store(BEES)
    store(LISBON)
    models.reply(
        json.dumps(
            {
                "profile": {"pets": ["bees"], "home": "Atlantis"},
                "sources": [{"field": "pets", "memories": [2]}],
            }
        )
    )
    assert generate()["status"] == "succeeded"
    told = profile()
    assert told["profile"] == {"pets": ["bees"]}
    assert told["sources"] == [{"field": "pets", "memory_id": bees, "version": 1}]
    by = told["generated_by"]
    assert (by["engine"], by["model"]) == ("model", "stand-in")
    assert UUID(by["prompt_version_id"])


def test_the_model_is_shown_schema_instructions_and_memories(
    enabled, client, store, generate, profile, models
):
    client.post(SETTINGS, {"entities": {"user": {"custom_instructions": "In Dutch."}}})
    store(BEES)
    models.configure(keep_bodies=True)
    generate()
    (body,) = [b for b in models.stats()["bodies"] if "messages" in b]
    system, user = (message["content"] for message in body["messages"])
    assert "> In Dutch." in system
    assert f'1 {profile()["updated_at"][:10]} "{BEES}"' in user
    wanted = body["response_format"]["json_schema"]["schema"]["properties"]["profile"]
    assert sorted(wanted["properties"]) == ["home", "pets"]
    assert profile()["profile"] == {"pets": [BEES]}


def test_a_reply_that_does_not_fit_is_asked_for_again(
    enabled, store, generate, profile, models
):
    store(BEES)
    cited = [{"field": "pets", "memories": [1]}]
    models.reply(json.dumps({"profile": {"pets": 3}, "sources": cited}))
    assert generate()["status"] == "succeeded"
    assert models.stats()["chat"] == 2
    assert profile()["profile"] == {"pets": [BEES]}


def test_a_model_that_cannot_is_a_failure_that_tells_why(
    enabled, store, generate, profile, models, client, settings
):
    settings.MAX_ATTEMPTS = 1
    store(BEES)
    models.order("malformed", times=9)
    job = generate()
    assert (job["status"], job["failed"]) == ("failed", 1)
    told = profile()
    assert (told["status"], told["profile"]) == ("failed", {})
    assert job["error"] == told["error"]
    assert client.get(event_path(job["id"])).json()["status"] == "FAILED"


# --- Outsiders --------------------------------------------------------------


def test_another_tenant_finds_nothing(enabled, store, start, outsider):
    store(BEES)
    job = start()
    outsider.post(SETTINGS, {"enabled": True})
    nobodys = outsider.get(profile_path("nobody"))
    ours = outsider.get(profile_path())
    assert (ours.status_code, ours.json()) == (404, nobodys.json())
    assert outsider.get(job["status_url"]).status_code == 404
    assert outsider.post(JOBS, IDA).status_code == 404


def test_a_narrowed_key_has_its_own_only(enabled, store, start, profile, idas):
    store(BEES)
    store(BEES, user_id="bo")
    job, bos = start(by=idas), start({**IDA, "entity_id": "bo"})
    assert idas.get(job["status_url"]).status_code == 200
    assert profile(by=idas)["status"] == "pending"
    assert idas.get(profile_path("bo")).status_code == 404
    assert idas.post(JOBS, {**IDA, "entity_id": "bo"}).status_code == 404
    assert idas.get(bos["status_url"]).status_code == 404
    assert idas.post(JOBS, SAMPLE).status_code == 403


def test_a_key_that_sees_a_part_of_a_user_has_none(enabled, store, api, acme):
    """A profile is made of all that is known of the user."""
    store(BEES)
    with tenant_scope(acme.id):
        narrowed = {"only_user_id": "ida", "only_agent_id": "bot"}
        key = issue_api_key(acme.project, acme.owner, **narrowed).text
    assert api(key).get(profile_path()).status_code == 404
    assert api(key).post(JOBS, IDA).status_code == 404


def test_a_read_only_key_reads(enabled, store, start, profile, reader):
    store(BEES)
    job = start()
    assert profile(by=reader)["status"] == "pending"
    assert reader.get(job["status_url"]).status_code == 200
    assert reader.post(JOBS, IDA).status_code == 403
