"""Rows for tests that need many; a history is made through services instead.

Tenant tables need an open tenant scope, as everywhere.
"""

from __future__ import annotations

import factory
from django.contrib.auth.hashers import make_password

from tenants import keys
from tenants.models import ApiKey, Membership, Operator, Project, Role, Tenant
from tenants.scopes import current_tenant_id


class TenantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Tenant

    slug = factory.Sequence(lambda n: f"tenant-{n}")
    name = factory.SelfAttribute("slug")


class OperatorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Operator

    email = factory.Sequence(lambda n: f"operator-{n}@example.com")
    password = factory.LazyFunction(lambda: make_password("correct horse"))


class ProjectFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    operator = factory.SubFactory(OperatorFactory)
    role = Role.VIEWER


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key nobody knows the text of; ``services.issue_api_key`` tells it."""

    class Meta:
        model = ApiKey
        exclude = ["new"]

    new = factory.LazyFunction(lambda: keys.generate_key(current_tenant_id()))
    name = factory.Sequence(lambda n: f"Key {n}")
    project = factory.SubFactory(ProjectFactory)
    owner = factory.SubFactory(OperatorFactory)
    prefix = factory.LazyAttribute(lambda key: key.new.prefix)
    digest = factory.LazyAttribute(lambda key: key.new.digest)
