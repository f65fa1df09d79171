"""Coverage-guided fuzzing of what reads foreign data: `make fuzz`. See docs/reliability.md."""
