"""What the ``app`` role may do with the tables of sign-in and of Django's admin.

They hold operators' second factors, sessions and provider accounts, and no tenant's data.
"""

from __future__ import annotations

from django.db import migrations

from tenants.tables import APP_ROLE

SIGN_IN = (
    "account_emailaddress, account_emailconfirmation, mfa_authenticator,"
    " socialaccount_socialaccount, socialaccount_socialapp, socialaccount_socialtoken,"
    " usersessions_usersession"
)
GRANT = f"""
GRANT SELECT, INSERT, UPDATE, DELETE ON {SIGN_IN} TO {APP_ROLE};
GRANT SELECT, INSERT ON django_admin_log TO {APP_ROLE};
"""
REVOKE = f"REVOKE ALL ON {SIGN_IN}, django_admin_log FROM {APP_ROLE}"


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_usage_of_models"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(GRANT, REVOKE)]
