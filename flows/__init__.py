"""Flows: stages in order, parameters at the top."""
