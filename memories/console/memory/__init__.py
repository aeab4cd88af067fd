"""The page of one memory, and what is done to it from there."""
