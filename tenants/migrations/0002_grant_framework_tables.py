"""What the ``app`` role may do with the tables of Django and of sign-in.

Those of sign-in hold operators' second factors, sessions and provider accounts. None
holds any tenant's data.
"""

from __future__ import annotations

from django.db import migrations

from tenants.tables import APP_ROLE

WRITTEN = (
    "django_session, account_emailaddress, account_emailconfirmation,"
    " mfa_authenticator, socialaccount_socialaccount, socialaccount_socialapp,"
    " socialaccount_socialtoken, usersessions_usersession"
)
READ = (
    "django_content_type, auth_permission, auth_group, auth_group_permissions,"
    " django_migrations"
)
APPENDED = "django_admin_log"
GRANT = f"""
GRANT SELECT, INSERT, UPDATE, DELETE ON {WRITTEN} TO {APP_ROLE};
GRANT SELECT ON {READ} TO {APP_ROLE};
GRANT SELECT, INSERT ON {APPENDED} TO {APP_ROLE};
"""
REVOKE = f"REVOKE ALL ON {WRITTEN}, {READ}, {APPENDED} FROM {APP_ROLE}"


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("sessions", "0001_initial"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(GRANT, REVOKE)]
