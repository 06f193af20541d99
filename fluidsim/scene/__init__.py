"""What a scene script says: the domain, what is in it, how it is looked at and measured."""
