"""What the ``app`` role may do with Django's own tables."""

from __future__ import annotations

from django.db import migrations

from tenants.tables import APP_ROLE

AUTH_TABLES = "auth_permission, auth_group, auth_group_permissions"
GRANT = f"""
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO {APP_ROLE};
GRANT SELECT ON django_content_type, {AUTH_TABLES}, django_migrations TO {APP_ROLE};
"""
REVOKE = f"""
REVOKE ALL ON django_session, django_content_type, {AUTH_TABLES}, django_migrations
    FROM {APP_ROLE};
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(GRANT, REVOKE)]
