"""The recorders, and what they are made of."""
