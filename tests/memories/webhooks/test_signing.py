"""Signatures after Standard Webhooks."""

from __future__ import annotations

import base64

import pytest

from memories.webhooks.signing import new_secret, signed_headers

# The example of the standard's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_signs_as_the_standard_does():
    assert signed_headers([SECRET], MESSAGE, AT, BODY) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_each_of_two_secrets_signs():
    other = new_secret()
    both = signed_headers([other, SECRET], MESSAGE, AT, BODY)["webhook-signature"]
    alone = signed_headers([other], MESSAGE, AT, BODY)["webhook-signature"]
    assert both.split(" ") == [alone, SIGNATURE]


@pytest.mark.parametrize(
    "other",
    [("x", AT, BODY), (MESSAGE, AT + 1, BODY), (MESSAGE, AT, BODY + b" ")],
    ids=["id", "timestamp", "body"],
)
def test_it_covers_id_time_and_body(other):
    ours, others = (
        signed_headers([SECRET], *message)["webhook-signature"]
        for message in ((MESSAGE, AT, BODY), other)
    )
    assert ours != others


def test_a_secret_is_as_long_as_the_standard_asks_and_new_each_time():
    secrets = {new_secret() for _ in range(20)}
    assert len(secrets) == 20
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
