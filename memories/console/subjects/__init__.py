"""Pages about one subject, and the list of them."""
