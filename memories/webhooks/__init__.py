"""What a webhook is sent, how it is signed, where it may go, when it is tried again.

Pure but for ``sending``. Knows no database: services say what is to be told.
"""
