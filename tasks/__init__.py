"""One Prefect task a stage: each calls `lfw`, and adds caching, retries, artifacts and tracking."""
