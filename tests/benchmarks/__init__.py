"""Races against the ways that people have today; they print times and assert none."""
