"""Organizations, projects and members, in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema_field,
)
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    EmailField,
    Field,
    FloatField,
    ListField,
    Serializer,
    UUIDField,
)

from memories.api.components import maybe, nullable
from memories.api.describe import AT, answered, asked, described, in_query
from memories.api.projects.own_settings import OwnSettings, own_settings_json
from memories.api.projects.requests import MAX_WORD_CHARS, MAX_ZONE_CHARS, WIRE_ROLES
from memories.models.settings import (
    MAX_CATEGORIES,
    MAX_INSTRUCTION_CHARS,
    MAX_SOURCE_CHARS,
    MAX_UNTRUSTED,
    UNTRUSTED,
    UNTRUSTED_BY_NAME,
    ProjectSettings,
)
from memories.services.configuration import MAX_LANGUAGES
from tenants.checks import MAX_NAME_CHARS, MAX_TEXT_CHARS

CATEGORIES_HELP = "{name: description} or names, as given; [] gives the default back."
SOURCES_HELP = (
    "What comes from these sources is quarantined until it is approved: "
    + ", ".join([*UNTRUSTED, *(f"{kind}:…" for kind in UNTRUSTED_BY_NAME)])
    + ". [] trusts all."
)
ORG_ID = "019a3f0c-5e6d-7a10-8b6f-3c2d1e0f9a8b"
PROJECT_ID = "019a3f0c-5e6d-7a11-9c70-4d3e2f1a0b9c"


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object"}]})
class Category(Field):  # type: ignore[type-arg]
    """A name, or {name: description}."""


class Done(Serializer):  # type: ignore[type-arg]
    message = CharField()


class Member(Serializer):  # type: ignore[type-arg]
    user_id = UUIDField()
    username = CharField()
    email = EmailField()
    role = ChoiceField(choices=WIRE_ROLES)


class Members(Serializer):  # type: ignore[type-arg]
    members = ListField(child=Member())


class MemberBody(Serializer):  # type: ignore[type-arg]
    email = EmailField()
    role = ChoiceField(choices=WIRE_ROLES)


class Admitted(Done):
    invitation = maybe(
        CharField,
        help_text="Of somebody new: the token to accept with, shown this once.",
    )


class Project(OwnSettings):
    project_id = UUIDField()
    org_id = maybe(UUIDField)
    name = maybe(CharField)
    description = maybe(CharField, allow_blank=True)
    timezone = maybe(CharField)
    languages = maybe(ListField, child=CharField())
    custom_instructions = maybe(CharField, allow_null=True)
    agent_custom_instructions = maybe(CharField, allow_null=True)
    custom_categories = maybe(
        ListField, child=Category(), allow_null=True, help_text=CATEGORIES_HELP
    )
    multilingual = maybe(BooleanField)
    decay = maybe(BooleanField)
    memory_depth = maybe(CharField, allow_null=True)
    usecase = maybe(CharField, allow_null=True)
    inclusion_prompt = maybe(CharField, allow_null=True)
    exclusion_prompt = maybe(CharField, allow_null=True)
    enable_graph = maybe(BooleanField)
    version = maybe(CharField, allow_null=True)
    review_instructions = maybe(BooleanField)
    review_untrusted = maybe(ListField, child=CharField())
    review_below_confidence = maybe(FloatField, min_value=0, max_value=1)
    is_default = maybe(BooleanField)
    expiration_date = maybe(DateTimeField, allow_null=True)
    active_prompt_profile = maybe(CharField, allow_null=True)
    members = maybe(ListField, child=Member())
    user_role = maybe(ChoiceField, choices=WIRE_ROLES)
    created_at = maybe(DateTimeField)
    updated_at = maybe(DateTimeField)


class ProjectChangesBody(OwnSettings):
    name = maybe(CharField, max_length=MAX_NAME_CHARS)
    description = maybe(CharField, max_length=MAX_TEXT_CHARS, allow_blank=True)
    timezone = maybe(
        CharField,
        max_length=MAX_ZONE_CHARS,
        allow_blank=True,
        help_text="Where its users are, such as Europe/Madrid: days in what they say.",
    )
    languages = maybe(
        ListField,
        child=CharField(),
        max_length=MAX_LANGUAGES,
        help_text="What they write, such as en or pt-BR; [] is not known.",
    )
    custom_instructions = maybe(
        CharField, max_length=MAX_INSTRUCTION_CHARS, allow_blank=True
    )
    agent_custom_instructions = maybe(
        CharField, max_length=MAX_INSTRUCTION_CHARS, allow_blank=True
    )
    custom_categories = maybe(
        ListField,
        child=Category(),
        max_length=MAX_CATEGORIES,
        help_text=CATEGORIES_HELP,
    )
    multilingual = maybe(
        BooleanField,
        help_text="Kept; memories are in the language of the input anyway.",
    )
    decay = maybe(
        BooleanField,
        help_text="Search puts what was found lately before what was not.",
    )
    memory_depth = maybe(CharField, max_length=MAX_WORD_CHARS, allow_blank=True)
    usecase_setting = maybe(
        CharField, max_length=MAX_INSTRUCTION_CHARS, allow_blank=True
    )
    inclusion_prompt = maybe(
        CharField, max_length=MAX_INSTRUCTION_CHARS, allow_blank=True
    )
    exclusion_prompt = maybe(
        CharField, max_length=MAX_INSTRUCTION_CHARS, allow_blank=True
    )
    enable_graph = maybe(BooleanField)
    version = maybe(
        CharField,
        max_length=MAX_WORD_CHARS,
        allow_blank=True,
        help_text="Kept, without effect.",
    )
    review_instructions = maybe(
        BooleanField,
        help_text="What orders an agent about is quarantined until it is approved.",
    )
    review_untrusted = maybe(
        ListField,
        child=CharField(max_length=MAX_SOURCE_CHARS),
        max_length=MAX_UNTRUSTED,
        help_text=SOURCES_HELP,
    )
    review_below_confidence = maybe(
        FloatField,
        min_value=0,
        max_value=1,
        help_text="What the engine is less sure of is quarantined; 0: nothing is.",
    )


class NewProjectBody(Serializer):  # type: ignore[type-arg]
    name = CharField(max_length=MAX_NAME_CHARS)
    description = maybe(CharField, max_length=MAX_TEXT_CHARS, allow_blank=True)


class NewProject(Done):
    project_id = UUIDField()


class NewOrganizationBody(Serializer):  # type: ignore[type-arg]
    name = CharField(max_length=MAX_NAME_CHARS)


class NewOrganization(Done):
    org_id = UUIDField()


class Invitation(Serializer):  # type: ignore[type-arg]
    email = EmailField()
    role = ChoiceField(choices=WIRE_ROLES)
    project_id = nullable(UUIDField)
    expires_at = DateTimeField()


class Organization(Serializer):  # type: ignore[type-arg]
    org_id = UUIDField()
    name = CharField()
    members = ListField(child=Member())
    invitations = ListField(child=Invitation())
    is_default = BooleanField()
    is_owner = BooleanField()
    user_role = ChoiceField(choices=WIRE_ROLES)
    created_at = DateTimeField()


MEMBER_EXAMPLE = {
    "user_id": "019a3f0c-5e6d-7a12-8d81-5e4f3a2b1c0d",
    "username": "ida@example.com",
    "email": "ida@example.com",
    "role": "OWNER",
}
PROJECT_EXAMPLE = {
    "project_id": PROJECT_ID,
    "org_id": ORG_ID,
    "name": "Default project",
    "description": "",
    "timezone": "Europe/Madrid",
    "languages": ["es", "en"],
    "custom_instructions": "Only what concerns bees.",
    "agent_custom_instructions": None,
    "custom_categories": [{"hives": "where bees live"}],
    "multilingual": False,
    "decay": False,
    "memory_depth": None,
    "usecase": None,
    "inclusion_prompt": None,
    "exclusion_prompt": None,
    "enable_graph": True,
    "version": None,
    "review_instructions": False,
    "review_untrusted": [],
    "review_below_confidence": 0.0,
    **own_settings_json(ProjectSettings()),
    "is_default": True,
    "expiration_date": None,
    "active_prompt_profile": None,
    "members": [MEMBER_EXAMPLE],
    "user_role": "OWNER",
    "created_at": AT,
    "updated_at": AT,
}
ORGANIZATION_EXAMPLE = {
    "org_id": ORG_ID,
    "name": "Apiary",
    "members": [MEMBER_EXAMPLE],
    "invitations": [],
    "is_default": True,
    "is_owner": True,
    "user_role": "OWNER",
    "created_at": AT,
}
_ORG = OpenApiParameter("org_id", OpenApiTypes.STR, OpenApiParameter.PATH)
_PROJECT = OpenApiParameter("project_id", OpenApiTypes.STR, OpenApiParameter.PATH)
_MEMBER = asked("A reader", {"email": "ben@example.com", "role": "READER"})


def _done(message: str) -> OpenApiExample:
    return answered("Done", {"message": message})


def _created(description: dict[str, Any]) -> dict[str, Any]:
    """The same, answered 201."""
    responses = dict(description["responses"])
    responses[201] = responses.pop(200)
    examples = [
        OpenApiExample(e.name, e.value, response_only=True, status_codes=["201"])
        if e.response_only
        else e
        for e in description["examples"]
    ]
    return {**description, "responses": responses, "examples": examples}


GET_PROJECT = described(
    "get_project",
    "projects",
    Project,
    403,
    404,
    summary="A project and how it remembers",
    parameters=[
        _ORG,
        _PROJECT,
        OpenApiParameter("fields", str, many=True, description="Only these keys."),
    ],
    examples=[answered("A project", PROJECT_EXAMPLE)],
)
CHANGE_PROJECT = described(
    "change_project",
    "projects",
    Done,
    400,
    403,
    404,
    413,
    summary="Change how a project remembers; what is absent stays",
    parameters=[_ORG, _PROJECT],
    request=ProjectChangesBody,
    examples=[
        asked("Instructions", {"custom_instructions": "Only what concerns bees."}),
        asked("Categories", {"custom_categories": [{"hives": "where bees live"}]}),
        _done("Project updated successfully"),
    ],
)
DELETE_PROJECT = described(
    "delete_project",
    "projects",
    Done,
    403,
    404,
    summary="Delete a project and all it remembers",
    description="At once for everyone, its keys too; the data is purged by a worker.",
    parameters=[_ORG, _PROJECT],
    request=None,
    examples=[_done("Project deleted successfully")],
)
LIST_PROJECTS = described(
    "list_projects",
    "projects",
    Project(many=True),
    403,
    404,
    summary="The projects that the key or its owner reaches, oldest first",
    parameters=[_ORG],
    examples=[answered("A project", PROJECT_EXAMPLE)],
)
CREATE_PROJECT = described(
    "create_project",
    "projects",
    NewProject,
    400,
    403,
    404,
    413,
    summary="Make a project",
    parameters=[_ORG],
    request=NewProjectBody,
    examples=[
        asked("A name", {"name": "Staging"}),
        answered("Made", {"message": "Created.", "project_id": PROJECT_ID}),
    ],
)


def _members(place: str, parameters: list[OpenApiParameter]) -> list[dict[str, Any]]:
    """What can be done with members: list, add, change, remove."""
    tag, body = f"{place}s", {"parameters": parameters, "request": MemberBody}
    listed = described(
        f"list_{place}_members",
        tag,
        Members,
        403,
        404,
        summary=f"Who reaches the {place}",
        parameters=parameters,
        examples=[answered("Members", {"members": [MEMBER_EXAMPLE]})],
    )
    added = described(
        f"add_{place}_member",
        tag,
        Admitted,
        400,
        403,
        404,
        413,
        summary="Make somebody a member, or invite who is new",
        examples=[_MEMBER, _done("ben@example.com is a member now.")],
        **body,
    )
    changed = described(
        f"change_{place}_member",
        tag,
        Done,
        400,
        403,
        404,
        413,
        summary="Give a member another role",
        examples=[_MEMBER, _done("ben@example.com is READER now.")],
        **body,
    )
    removed = described(
        f"remove_{place}_member",
        tag,
        Done,
        400,
        403,
        404,
        summary="End a membership; the last owner stays",
        parameters=[*parameters, in_query("email", "Whose.")],
        request=None,
        examples=[_done("ben@example.com is no member any more.")],
    )
    return [listed, added, changed, removed]


(
    LIST_PROJECT_MEMBERS,
    ADD_PROJECT_MEMBER,
    CHANGE_PROJECT_MEMBER,
    REMOVE_PROJECT_MEMBER,
) = _members("project", [_ORG, _PROJECT])
(
    LIST_ORGANIZATION_MEMBERS,
    _ADD_ORGANIZATION_MEMBER,
    CHANGE_ORGANIZATION_MEMBER,
    REMOVE_ORGANIZATION_MEMBER,
) = _members("organization", [_ORG])
ADD_ORGANIZATION_MEMBER = _created(_ADD_ORGANIZATION_MEMBER)

LIST_ORGANIZATIONS = described(
    "list_organizations",
    "organizations",
    Organization(many=True),
    403,
    summary="The organization of the key",
    examples=[answered("An organization", ORGANIZATION_EXAMPLE)],
)
CREATE_ORGANIZATION = _created(
    described(
        "create_organization",
        "organizations",
        NewOrganization,
        400,
        403,
        413,
        summary="Found another organization, with the key's owner as its owner",
        request=NewOrganizationBody,
        examples=[
            asked("A name", {"name": "Apiary"}),
            answered("Made", {"message": "Created.", "org_id": ORG_ID}),
        ],
    )
)
GET_ORGANIZATION = described(
    "get_organization",
    "organizations",
    Organization,
    403,
    404,
    summary="An organization, its members and whom it invited",
    parameters=[_ORG],
    examples=[answered("An organization", ORGANIZATION_EXAMPLE)],
)
DELETE_ORGANIZATION = described(
    "delete_organization",
    "organizations",
    Done,
    403,
    404,
    summary="Delete an organization with all its projects",
    description="At once for everyone; the data is purged by a worker.",
    parameters=[_ORG],
    request=None,
    examples=[_done("Organization deleted successfully")],
)
