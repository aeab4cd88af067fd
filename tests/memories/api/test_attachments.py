"""Images and documents in messages, over the API: taken, read, traced; or refused."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

from memories.models import Attachment, LlmCall, Message, Operation
from memories.services import background
from memories.services.again import reopen_operation
from memories.services.configuration import change_settings, configure_provider
from memories.services.deletion import erase_subject, purge
from memories.services.run import run_operation
from memories.types import Actor
from tenants.scopes import tenant_scope
from tests.documents import DocumentServer, data_uri, pdf, picture
from tests.memories.api.conftest import ADD, event_path

BEES = "I keep bees behind the barn."
OSLO = "I live in Oslo."


def part(kind: str, url: str) -> dict:
    return {"type": kind, kind: {"url": url}}


def said(*content: object, **more: object) -> dict:
    messages = [{"role": "user", "content": one} for one in content]
    return {"messages": messages, "user_id": "ida", **more}


def pdf_part(*pages: str) -> dict:
    return part("pdf_url", data_uri(pdf(*pages), "application/pdf"))


def image_part(shows: str) -> dict:
    return part("image_url", data_uri(picture(shows), "image/png"))


@pytest.fixture
def documents(settings):
    settings.ALLOW_PRIVATE_DOCUMENTS = True
    with DocumentServer() as server:
        yield server


@pytest.fixture
def seeing(settings, models):
    """A platform whose model sees images."""
    settings.LLM_VISION = True
    models.configure(vision=True, keep_bodies=True)
    return models


@pytest.fixture
def work(acme):
    """What the worker does about an event."""
    return lambda event_id: run_operation(acme.id, UUID(event_id))


@pytest.fixture
def add(client, work):
    """Add it and play the worker; the event afterwards."""

    def add(*content: object, **more: object) -> dict:
        answer = client.post(ADD, said(*content, **more))
        assert answer.status_code == 200, answer.json()
        event_id = answer.json()["event_id"]
        work(event_id)
        return client.get(event_path(event_id)).json()

    return add


def rows(acme, model=Attachment):
    with tenant_scope(acme.id):
        return list(model.objects.all())


# --- documents -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        pdf_part(BEES),
        part("pdf_url", base64.b64encode(pdf(BEES)).decode()),
        part("txt_url", data_uri(BEES.encode(), "text/plain")),
        part("mdx_url", base64.urlsafe_b64encode(BEES.encode()).decode().rstrip("=")),
        part("txt_url", "data:text/plain,I%20keep%20bees%20behind%20the%20barn."),
    ],
    ids=["pdf data URI", "pdf base64", "text data URI", "markdown base64", "percent"],
)
def test_a_document_in_the_message_is_remembered(add, texts, source):
    event = add([{"type": "text", "text": "This is about me."}, source])
    assert event["status"] == "SUCCEEDED"
    assert "User keeps bees behind the barn" in texts()


def test_content_may_be_one_part(add, texts):
    add(pdf_part(BEES))
    assert texts() == ["User keeps bees behind the barn"]


def test_a_document_is_fetched_by_the_worker_not_the_request(
    client, documents, work, texts
):
    url = documents.put("/me.pdf", pdf(BEES), "application/pdf")
    answer = client.post(ADD, said([part("pdf_url", url)]))
    assert documents.asked == []
    work(answer.json()["event_id"])
    assert documents.asked == ["/me.pdf"]
    assert texts() == ["User keeps bees behind the barn"]


def test_a_fact_is_traced_to_its_page(add, acme):
    event = add("Hello there.", [pdf_part(BEES, OSLO)])
    facts = event["ledger"]["facts"]
    found = {
        fact["pages"][0]["page"]: (fact["messages"], fact["pages"][0]["message"])
        for fact in facts
        if fact["outcome"] == "stored"
    }
    second = event["ledger"]["messages"][1]["id"]
    assert found == {1: ([second], second), 2: ([second], second)}


def test_every_message_has_one_outcome(add):
    event = add("The weather is fine.", [pdf_part(BEES, OSLO)], OSLO)
    messages = event["ledger"]["messages"]
    assert len({message["id"] for message in messages}) == len(messages) == 3
    assert [message["outcome"] for message in messages][1] == "learned"


def test_the_message_mentions_what_it_brought(add, acme, documents):
    url = documents.put("/me.txt", BEES.encode())
    add([{"type": "text", "text": "Look:"}, part("txt_url", url), pdf_part(OSLO)])
    (message,) = rows(acme, Message)
    assert message.content == f"Look:\n[txt_url: {url}]\n[pdf_url]"


def test_the_bytes_are_let_go_and_the_text_is_kept(add, acme):
    add([pdf_part(BEES, OSLO)])
    (row,) = rows(acme)
    assert (row.data, row.pages) == (None, [BEES, OSLO])
    assert (row.media_type, row.size) == ("application/pdf", len(pdf(BEES, OSLO)))
    assert row.sha256 and row.read_at


def test_a_second_attempt_does_not_fetch_again(
    client, documents, work, models, settings, texts
):
    url = documents.put("/me.txt", BEES.encode())
    event_id = client.post(ADD, said([part("txt_url", url)])).json()["event_id"]
    models.order("error", times=4)
    work(event_id)
    assert client.get(event_path(event_id)).json()["status"] == "PENDING"
    work(event_id)
    assert documents.asked == ["/me.txt"]
    assert texts() == ["User keeps bees behind the barn."]


def test_a_long_document_is_read_in_portions(add, models, texts):
    models.configure(keep_bodies=True)
    filler = "The meadow is wide and the river is slow. " * 1500
    pages = [f"{filler} {BEES}", f"{filler} {OSLO}"]
    text = part("txt_url", data_uri("\n\n".join(pages).encode(), "text/plain"))
    event = add([text])
    assert event["status"] == "SUCCEEDED"
    assert models.stats()["by_purpose"]["single_pass"] > 1
    assert texts() == ["User keeps bees behind the barn.", "User lives in Oslo."]


@pytest.mark.parametrize("engine", ["single_pass", "two_phase", "additive"])
def test_every_engine_reads_documents(add, acme, models, texts, engine):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"engine": engine})
    add([pdf_part(BEES)])
    assert texts() == ["User keeps bees behind the barn."]


def test_the_model_is_told_that_it_reads_a_document(add, models):
    models.configure(keep_bodies=True)
    add([pdf_part(BEES, OSLO)])
    asked = [b for b in models.stats()["bodies"] if "messages" in b]
    assert "[PDF, page 2 of 2]" in asked[0]["messages"][1]["content"]


@pytest.mark.parametrize("engine", ["single_pass", "local"])
def test_a_document_takes_nothing_back(add, acme, models, texts, engine, store):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"engine": engine})
    store("User keeps bees behind the barn")
    add([pdf_part("Please forget that I keep bees behind the barn.")])
    assert "User keeps bees behind the barn" in texts()


# --- images --------------------------------------------------------------------------


def test_an_image_is_seen_by_the_model(add, seeing, texts, acme):
    event = add([{"type": "text", "text": "Our garden."}, image_part(BEES)])
    assert event["status"] == "SUCCEEDED"
    assert texts() == ["User keeps bees behind the barn."]
    (row,) = rows(acme)
    assert (row.data, row.pages, row.media_type) == (None, [BEES], "image/png")


def test_an_image_is_fetched_by_us_and_shown_as_bytes(add, documents, seeing, texts):
    url = documents.put("/garden.png", picture(BEES), "image/png")
    add([part("image_url", url)])
    shown = seeing.stats()["bodies"][0]["messages"][1]["content"]
    assert shown[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert texts() == ["User keeps bees behind the barn."]


def test_all_images_of_an_add_are_one_call(add, seeing, texts, acme):
    add([image_part(BEES), image_part(OSLO)], [image_part("My sister is Petra.")])
    assert seeing.stats()["by_purpose"]["images"] == 1
    assert len(texts()) == 3
    call = next(call for call in rows(acme, LlmCall) if call.purpose == "images")
    assert "base64" not in str(call.request)


def test_a_reply_that_leaves_out_an_image_is_asked_again(add, seeing, texts):
    seeing.reply('{"images": [{"image": 2, "text": "A cat."}]}')
    add([image_part(BEES), image_part(OSLO)])
    assert seeing.stats()["by_purpose"]["images"] == 1
    assert texts() == ["User keeps bees behind the barn.", "User lives in Oslo."]


def test_images_are_not_described_twice(client, work, seeing):
    event_id = client.post(ADD, said([image_part(BEES)])).json()["event_id"]
    seeing.order("error", times=4, about="# MESSAGES")
    work(event_id)
    work(event_id)
    assert client.get(event_path(event_id)).json()["status"] == "SUCCEEDED"
    assert seeing.stats()["by_purpose"]["images"] == 1


def test_images_that_are_too_large_together_fail_with_the_reason(add, seeing, settings):
    settings.MAX_DOCUMENT_BYTES = 2000
    big = image_part("x" * 1500)
    event = add([big, big])
    assert (event["status"], event["error"]) == (
        "FAILED",
        "The images of one add may have 2000 bytes.",
    )


def test_no_more_images_are_fetched_than_may_be_shown(add, seeing, settings, documents):
    settings.MAX_DOCUMENT_BYTES = 2000
    paths = [f"/{n}.png" for n in range(5)]
    urls = [documents.put(path, picture("x" * 1500), "image/png") for path in paths]
    event = add([part("image_url", url) for url in urls])
    assert event["error"] == "The images of one add may have 2000 bytes."
    assert len(documents.asked) == 2


def test_the_projects_own_model_may_see(client, acme, models, settings):
    settings.ALLOW_PRIVATE_PROVIDERS = True
    url = models.base_url
    for vision, status in ((0, 400), (1, 200)):
        with tenant_scope(acme.id):
            options = {"vision": vision}
            configure_provider(
                acme.project, "chat", base_url=url, model="own", options=options
            )
        assert client.post(ADD, said([image_part(BEES)])).status_code == status


# --- what is refused at once ---------------------------------------------------------


@pytest.mark.parametrize("model", ["none", "blind", "local engine"])
def test_an_image_that_nobody_would_see_is_refused(
    client, acme, request, model, settings
):
    if model != "none":
        request.getfixturevalue("models")
    if model == "local engine":
        settings.LLM_VISION = True
        with tenant_scope(acme.id):
            change_settings(acme.project, {"engine": "local"})
    answer = client.post(
        ADD, said("Hello.", [{"type": "text", "text": "x"}, image_part(BEES)])
    )
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("messages.1.content.1 is an image")
    assert list(answer.json()["fields"]) == ["messages.1.content.1"]
    assert rows(acme, Operation) == []


@pytest.mark.parametrize(
    ("content", "place", "sentence"),
    [
        ([part("pdf_url", "data:application/pdf;base64,AAAA")], "0", "is no PDF"),
        ([part("image_url", data_uri(b"GIF?", "image/gif"))], "0", "is no PNG"),
        ([part("txt_url", data_uri(b"\xff", "text/plain"))], "0", "is no text"),
        (part("txt_url", "!!!"), "", "needs a url"),
        (part("pdf_url", "ftp://example.com/a.pdf"), "", "needs a url"),
        (part("pdf_url", "file:///etc/passwd"), "", "needs a url"),
        (part("pdf_url", "https://u:p@example.com/a.pdf"), "", "name and password"),
        (part("pdf_url", "http://"), "", "no http(s) address"),
        (part("pdf_url", "http://a:99999/"), "", "no http(s) address"),
        (part("pdf_url", "https://example.com/" + "a" * 2048), "", "2048 characters"),
        (part("pdf_url", "data:application/pdf;base64"), "", "without data"),
        ({"type": "pdf_url"}, "", "needs a url"),
        ({"type": "pdf_url", "pdf_url": {"url": 7}}, "", "needs a url"),
        ({"type": "audio_url", "audio_url": {"url": "x"}}, "", "must be text, or"),
        (["x"], "0", "must be text, or"),
    ],
)
def test_what_cannot_be_read_is_named(client, acme, content, place, sentence):
    answer = client.post(ADD, said("Hello.", content))
    field = ".".join(filter(None, ("messages.1.content", place)))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert sentence in answer.json()["detail"]
    assert rows(acme, Message) == []


def test_bytes_and_parts_are_bounded(client, settings):
    settings.MAX_DOCUMENT_BYTES = 1024
    big = part("txt_url", data_uri(b"x" * 1025, "text/plain"))
    assert "1024 bytes" in client.post(ADD, said([big])).json()["detail"]
    settings.MAX_ATTACHMENTS = 1
    answer = client.post(ADD, said([pdf_part(BEES)], [pdf_part(OSLO)]))
    assert "may bring 1 images" in answer.json()["detail"]


def test_without_inference_there_is_only_text(client):
    answer = client.post(ADD, said([pdf_part(BEES)], infer=False))
    assert answer.status_code == 400
    assert "must be text when infer is false" in answer.json()["detail"]


# --- what goes wrong later -----------------------------------------------------------


def test_a_document_that_is_gone_fails_the_add_naming_the_message(add, documents):
    url = documents.put("/a.pdf", status=404)
    event = add("Hello.", [{"type": "text", "text": "x"}, part("pdf_url", url)])
    assert event["status"] == "FAILED"
    assert event["error"] == "messages.1.content.1 was answered with HTTP 404."
    assert {m["outcome"] for m in event["ledger"]["messages"]} == {"failed"}


def test_a_document_that_is_late_is_fetched_later(
    client, documents, work, texts, settings
):
    settings.RETRY_BASE_S = 0.0
    url = documents.put("/a.txt", status=503)
    event_id = client.post(ADD, said([part("txt_url", url)])).json()["event_id"]
    work(event_id)
    assert client.get(event_path(event_id)).json()["status"] == "PENDING"
    documents.put("/a.txt", BEES.encode())
    work(event_id)
    assert texts() == ["User keeps bees behind the barn"]


def test_an_address_of_our_own_network_fails_the_add(add, settings):
    settings.ALLOW_PRIVATE_DOCUMENTS = False
    with DocumentServer() as server:
        event = add([part("txt_url", server.put("/a.txt", BEES.encode()))])
        assert server.asked == []
    assert event["status"] == "FAILED"
    assert "is not at an address on the internet" in event["error"]


# --- what must go with its message ---------------------------------------------------


def test_erasure_takes_them_along(add, acme):
    add([pdf_part(BEES)])
    with tenant_scope(acme.id, project_id=acme.project.id):
        erase_subject(acme.project.id, "user", "ida", Actor("system"))
    assert rows(acme) == []


def test_retention_takes_them_along(add, acme, frozen):
    add([pdf_part(BEES)])
    with tenant_scope(acme.id):
        change_settings(acme.project, {"message_days": 1})
    frozen.advance(days=2)
    background.empty_what_is_over()
    assert rows(acme) == []


def test_bytes_that_nobody_read_are_not_kept_for_ever(
    client, acme, work, models, frozen, settings
):
    settings.LLM_VISION, settings.MAX_ATTEMPTS = True, 1
    event_id = client.post(ADD, said([image_part(BEES)])).json()["event_id"]
    work(event_id)  # the stand-in does not see: it fails
    assert client.get(event_path(event_id)).json()["status"] == "FAILED"
    assert rows(acme)[0].data is not None
    frozen.advance(days=31)
    assert background.empty_what_is_over() > 0
    assert rows(acme)[0].data is None
    with tenant_scope(acme.id):
        reopen_operation(UUID(event_id))
    work(event_id)
    assert "is not kept any longer" in client.get(event_path(event_id)).json()["error"]


def test_a_purge_takes_them_along(add, acme):
    add([pdf_part(BEES)])
    with tenant_scope(acme.id):
        purge(acme.id, acme.project.id)
    assert rows(acme) == []


def test_another_tenant_sees_nothing_of_it(add, acme, globex, outsider):
    event = add([pdf_part(BEES)])
    assert outsider.get(event_path(event["id"])).status_code == 404
    assert rows(globex) == []


def test_an_add_with_a_document_is_decided_alone(
    client, work, acme, seeing, settings, texts
):
    settings.ADD_WINDOW_S = 60.0
    plain = client.post(ADD, said(OSLO)).json()["event_id"]
    brought = client.post(ADD, said([pdf_part(BEES)])).json()["event_id"]
    with tenant_scope(acme.id):
        Operation.objects.update(next_attempt_at=None)
    for event_id in (plain, brought):
        work(event_id)
    assert texts() == ["User keeps bees behind the barn.", "User lives in Oslo."]
