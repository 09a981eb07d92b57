"""What a user sees of the command line."""
