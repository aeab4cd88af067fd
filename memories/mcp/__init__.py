"""The Model Context Protocol at ``/mcp``: the memory API as tools for a model.

A tool is one request to the API of this process (``asking.py``): the same reading,
services, limits, usage and audit, and never a second way to any of them.
"""
