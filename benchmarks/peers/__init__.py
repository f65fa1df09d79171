"""What a user would take instead, written as that user would write it."""
