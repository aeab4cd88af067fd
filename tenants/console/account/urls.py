"""The pages of an account. django-allauth finds its own by these names.

Each is listed by hand: what allauth has besides (sign-up, change of e-mail, sign-in by
code) is not there. Ours are in the namespace ``console`` (console/urls.py).
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, path

from tenants.console.account import invitations, views

SIGN_IN: list[URLPattern] = [
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path(
        "sign-in/with/<slug:provider_id>/",
        views.begin_single_sign_on,
        name="openid_connect_login",
    ),
    path(
        "sign-in/with/<slug:provider_id>/callback/",
        views.finish_single_sign_on,
        name="openid_connect_callback",
    ),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path(
        "account/confirm/passkey/",
        webauthn.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
]
ACCOUNT: list[URLPattern] = [
    path(
        "account/password/",
        views.ChangePassword.as_view(),
        name="account_change_password",
    ),
    path("account/password/set/", account.password_set, name="account_set_password"),
    path("account/sessions/", views.sessions, name="usersessions_list"),
    path("account/two-factor/", mfa.index, name="mfa_index"),
    path("account/two-factor/app/", totp.activate_totp, name="mfa_activate_totp"),
    path(
        "account/two-factor/app/remove/",
        totp.deactivate_totp,
        name="mfa_deactivate_totp",
    ),
    path(
        "account/two-factor/recovery-codes/",
        recovery_codes.view_recovery_codes,
        name="mfa_view_recovery_codes",
    ),
    path(
        "account/two-factor/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("account/passkeys/", views.Passkeys.as_view(), name="mfa_list_webauthn"),
    path("account/passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path(
        "account/passkeys/<int:pk>/rename/",
        webauthn.edit_webauthn,
        name="mfa_edit_webauthn",
    ),
    path(
        "account/passkeys/<int:pk>/remove/",
        webauthn.remove_webauthn,
        name="mfa_remove_webauthn",
    ),
]
urlpatterns = [*SIGN_IN, *ACCOUNT]

OF_CONSOLE: list[URLPattern] = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/forgotten/", views.forgotten_password, name="forgotten-password"),
    path("sign-in/new-password/", views.new_password, name="new-password"),
    path("invitation/", invitations.invitation, name="invitation"),
    path("account/", views.profile, name="account"),
    path(
        "account/sessions/<int:session_id>/end/", views.end_session, name="end-session"
    ),
]
