"""The first files of a project: what is found, what is asked, and what is written for it."""
