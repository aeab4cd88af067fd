"""Organizations (tenants), projects and members over the API."""
