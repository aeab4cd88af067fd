"""``/console/<tenant>/members/``"""

from __future__ import annotations

from django.urls import path

from tenants.console.members import views

urlpatterns = [
    path("", views.members, name="members"),
    path("invite/", views.invite_member, name="invite-member"),
    path(
        "invitations/<uuid:invitation_id>/withdraw/",
        views.withdraw_invitation,
        name="withdraw-invitation",
    ),
    path("<uuid:member_id>/role/", views.change_role, name="change-role"),
    path("<uuid:member_id>/remove/", views.remove_member, name="remove-member"),
]
