"""The registry client, against a registry in memory and in hostile hands."""
