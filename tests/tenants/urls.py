"""A few views with nothing of their own, to test what stands before every view."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import psycopg
from django.db import OperationalError
from django.http import Http404
from django.urls import include, path
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from memplatform.lib import errors
from tenants.api.permissions import narrow, require_unnarrowed
from tenants.api.views import KeyApiView


class Whoami(KeyApiView):
    """Says what the key may do."""

    operation = "WHOAMI"

    def get(self, request):
        return Response(
            {name: str(value) for name, value in asdict(request.auth).items()}
        )

    def post(self, request):
        return Response({"got": request.data}, status=201)

    put = patch = delete = post


class Reading(APIView):
    is_read = True

    def post(self, request):
        return Response({})


class PartlyReading(APIView):
    read_methods = {"POST"}

    def post(self, request):
        return Response({})

    put = post


@dataclass(frozen=True)
class Subjects:
    user_id: str | None = None
    agent_id: str | None = None


class Narrowed(APIView):
    def get(self, request):
        asked = Subjects(**request.query_params.dict())
        return Response(asdict(narrow(request.auth, asked)))

    def delete(self, request):
        require_unnarrowed(request.auth, "delete everything")
        return Response({})


class Turn(serializers.Serializer):
    role = serializers.CharField()


class Body(serializers.Serializer):
    user_id = serializers.CharField(max_length=5)
    messages = Turn(many=True)

    def validate(self, attrs):
        raise serializers.ValidationError("Nothing is ever right.")


def database_error(cause):
    """As Django raises it."""
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


RAISES = {
    "not-found": errors.NotFound("Memory not found!"),
    "http404": Http404("the model's words"),
    "conflict": errors.Conflict(),
    "limited": errors.RateLimited(retry_after_s=1.2),
    "quota": errors.QuotaExceeded(),
    "provider": errors.ProviderTimeout(),
    "refused": errors.ProviderRejected("HTTP 400: 'I love Bob' is not allowed"),
    "database": OperationalError("password=secret host=db"),
    "too-long": database_error(psycopg.errors.ProgramLimitExceeded("index row size")),
    "too-deep": database_error(psycopg.errors.StatementTooComplex("stack depth")),
    "fields": errors.InvalidRequest("No.", fields={"user_id": ["No."]}),
}


class Failing(APIView):
    error_key = "error"

    def get(self, request, name):
        raise RAISES[name]

    def post(self, request, name):
        Body(data=request.data).is_valid(raise_exception=True)
        return Response({})


class Shaped(APIView):
    def get(self, request):
        raise errors.InvalidRequest("No messages.")

    def shape_error(self, body, status):
        return {"error": f"{status}", "details": {"message": body["detail"]}, **body}


class Broken(APIView):
    def get(self, request):
        raise RuntimeError("a bug, with a secret")


urlpatterns = [
    path("v1/whoami/", Whoami.as_view()),
    path("v1/reading/", Reading.as_view()),
    path("v1/partly/", PartlyReading.as_view()),
    path("v1/narrowed/", Narrowed.as_view()),
    path("v1/failing/<name>/", Failing.as_view()),
    path("v1/shaped/", Shaped.as_view()),
    path("v1/broken/", Broken.as_view()),
    path("", include("memplatform.urls")),
]
handler400 = "memplatform.pages.bad_request"
handler404 = "memplatform.pages.not_found"
handler500 = "memplatform.pages.server_error"
