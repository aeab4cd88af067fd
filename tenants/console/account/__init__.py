"""Who signs in: the pages around django-allauth, and what is ours about it."""
