"""Every read of what is remembered."""
