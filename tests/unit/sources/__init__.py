"""Where code comes from, asked as it is meant and as it is not."""
