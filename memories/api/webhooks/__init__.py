"""Webhooks of a project, and what they were sent."""
